import { type DestinationStream, destination, type Logger, pino } from 'pino';

/** Names accepted for the log level, from the most to the least talkative. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * Makes a logger that writes one JSON line an event: `ts` (RFC 3339), `level`, `msg`, and what the
 * caller adds; `err` carries an error.
 * @param sink where the lines go; by default standard output, collected for at most 100 ms
 */
export function createLogger(
  options: { level: LogLevel; program: string; version: string },
  sink: DestinationStream = destination({
    dest: 1,
    minLength: 4096,
    sync: false,
    periodicFlush: 100,
  }),
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

/** Resolves when every line logged so far is handed to the operating system. */
export function flushLogger(logger: Logger): Promise<void> {
  return new Promise((resolve) => logger.flush(() => resolve()));
}
