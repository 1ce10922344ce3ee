import { type DestinationStream, destination, type Logger, pino } from 'pino';

/** Names accepted for the log level, from the most to the least talkative. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Standard output, collected for at most 100 ms. @param dest another file */
export function standardOutput(dest: number | string = 1): DestinationStream {
  return destination({ dest, minLength: 16_000, sync: false, periodicFlush: 100 });
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

/**
 * Makes a logger of level `info` for flat fields alone: strings, numbers, booleans and lists of strings.
 * Its lines are like those of {@link createLogger}, at a fraction of pino's cost.
 */
export function createFlatLogger(
  { program, version }: { program: string; version: string },
  sink: DestinationStream,
): { info(fields: object, message: string): void } {
  const base = `,"program":${quoted(program)},"version":${quoted(version)}`;
  /** The lines of this turn of the event loop: a write costs the sink as much as a line costs us. */
  let pending = '';
  const flush = () => {
    sink.write(pending);
    pending = '';
  };
  return {
    info(fields, message) {
      let line = `{"level":"info","ts":"${timestamp()}"${base}`;
      const flat = fields as Readonly<Record<string, unknown>>;
      for (const key in flat) {
        const value = flat[key];
        if (value === undefined) continue;
        line += `,"${key}":${jsonOf(value)}`;
      }
      if (pending === '') setImmediate(flush);
      pending += `${line},"msg":${quoted(message)}}\n`;
    },
  };
}

let lastMs = 0;
let lastTimestamp = '';

/** Now as RFC 3339; many lines are of one millisecond. */
function timestamp(): string {
  const nowMs = Date.now();
  if (nowMs !== lastMs) {
    lastMs = nowMs;
    lastTimestamp = new Date(nowMs).toISOString();
  }
  return lastTimestamp;
}

/** Printable ASCII but for the quote and the backslash, which most of what is logged is made of. */
const plain = /^[ !#-[\]-~]*$/;

function jsonOf(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return Number.isFinite(value) ? `${value}` : 'null';
  return Array.isArray(value) ? `[${value.map(jsonOf).join()}]` : JSON.stringify(value);
}

function quoted(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Resolves when every line logged so far is handed to the operating system. */
export function flushLogger(logger: Logger): Promise<void> {
  return new Promise((resolve) => logger.flush(() => resolve()));
}
