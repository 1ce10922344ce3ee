import type { Clock } from './clock.ts';
import type { KubeMetrics } from './metrics.ts';

/** What the parts of this runtime may be given besides what they work with. */
export interface Instruments {
  clock?: Clock | undefined;
  log?: Logger | undefined;
  metrics?: KubeMetrics | undefined;
}

/** What is asked of a logger: a structural subset of pino's. Fields first, then the message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: Record<string, unknown>): Logger;
}

/** Writes nothing; the default wherever a logger is optional. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
