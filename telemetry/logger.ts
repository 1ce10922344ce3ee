import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { LineWriter } from './line-writer.ts';

/** Names accepted for the log level, from the most to the least talkative. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Where lines go: text of pino's, or many at once as bytes. */
export interface LogSink extends DestinationStream {
  writeBytes(lines: Buffer): void;
  /** Calls back when all is handed to the operating system. */
  flush(done: () => void): void;
}

/** Standard output, written without waiting for it. @param dest another file */
export function standardOutput(dest: number | string = 1): LogSink {
  // Without a least length its flush calls back at once, whatever is still to be written.
  const file = destination({ dest, sync: false, minLength: 1, contentMode: 'buffer' });
  const writeBytes = (bytes: Buffer) => void file.write(bytes as unknown as string);
  return {
    write: (line) => writeBytes(Buffer.from(line)),
    writeBytes,
    flush: (done) => file.flush(() => done()),
  };
}

/**
 * Makes a logger that writes one JSON line an event: `ts` (RFC 3339), `level`, `msg`, and what the
 * caller adds; `err` carries an error.
 * @param sink where the lines go
 */
export function createLogger(
  options: { level: LogLevel; program: string; version: string },
  sink: DestinationStream = standardOutput(),
): Logger {
  return pino(
    {
      level: options.level,
      base: { program: options.program, version: options.version },
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
}

/** Tells of what is over, many times a second. */
export interface FlatLogger {
  info(fields: object, message: string): void;
  /** Gives the lines that wait to the sink. */
  flush(): void;
}

/** Lines wait this long for others, or until they are so many: a write costs as much as many lines. */
const longestWaitMs = 100;
const mostBytes = 256 * 1024;

/**
 * Makes a logger of level `info` for flat fields alone: strings, numbers, booleans and lists of strings.
 * Its lines are like those of {@link createLogger}, at a fraction of pino's cost.
 */
export function createFlatLogger(
  { program, version }: { program: string; version: string },
  sink: Pick<LogSink, 'writeBytes'>,
): FlatLogger {
  const rest = `","program":${JSON.stringify(program)},"version":${JSON.stringify(version)}`;
  const pending = new LineWriter();
  let lastMs = 0;
  let start: Uint8Array = Buffer.alloc(0);
  /** A line's beginning; many lines are of one millisecond. */
  const startOfLine = (nowMs: number): Uint8Array => {
    if (nowMs === lastMs) return start;
    lastMs = nowMs;
    start = Buffer.from(`{"level":"info","ts":"${new Date(nowMs).toISOString()}${rest}`);
    return start;
  };
  let lastMessage = '';
  let end: Uint8Array = Buffer.alloc(0);
  const endOfLine = (message: string): Uint8Array => {
    if (message === lastMessage) return end;
    lastMessage = message;
    end = Buffer.from(`,"msg":${JSON.stringify(message)}}\n`);
    return end;
  };
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (pending.length > 0) sink.writeBytes(pending.take());
  };
  return {
    info(fields, message) {
      timer ??= setTimeout(flush, longestWaitMs);
      pending.raw(startOfLine(Date.now()));
      pending.fields(fields as Readonly<Record<string, unknown>>);
      pending.raw(endOfLine(message));
      if (pending.length >= mostBytes) flush();
    },
    flush,
  };
}

/** Resolves when every line logged so far is handed to the operating system. */
export function flushLogger(logger: Logger): Promise<void> {
  return new Promise((resolve) => logger.flush(() => resolve()));
}
