import type { Writable } from 'node:stream';
import {
  changeDelayMs,
  changesOf,
  type DemandState,
  encodeDemand,
  heartbeatMs,
} from '../../protocol/demand.ts';

/** Someone who follows, and what they were told. */
interface Follower {
  known: DemandState;
  toldAtMs: number;
}

/**
 * Tells any number of followers what this router has in flight (protocol/demand). Looks at it every half of
 * {@link changeDelayMs} while anyone follows. One who does not keep up is told the sum of the changes later,
 * so that nothing piles up.
 */
export class DemandPublisher {
  readonly #followers = new Map<Writable, Follower>();
  readonly #snapshot: () => DemandState;
  readonly #nowMs: () => number;
  #timer: NodeJS.Timeout | undefined;

  /** @param nowMs a monotonic clock in milliseconds */
  constructor(snapshot: () => DemandState, nowMs: () => number) {
    this.#snapshot = snapshot;
    this.#nowMs = nowMs;
  }

  /** Writes the full state to `stream`, and the changes until it closes. */
  follow(stream: Writable): void {
    const known = this.#snapshot();
    const models = [...known.models.values()];
    const pods = [...known.pods.values()];
    stream.write(encodeDemand({ full: true, models, pods }));
    this.#followers.set(stream, { known, toldAtMs: this.#nowMs() });
    const leave = () => {
      this.#followers.delete(stream);
      if (this.#followers.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
    stream.once('close', leave);
    stream.once('error', leave);
    this.#timer ??= setInterval(() => this.#tell(), changeDelayMs / 2);
  }

  /** Ends every stream. */
  close(): void {
    for (const stream of this.#followers.keys()) stream.end();
  }

  #tell(): void {
    const now = this.#snapshot();
    const nowMs = this.#nowMs();
    for (const [stream, follower] of this.#followers) {
      if (stream.writableNeedDrain) continue;
      const message = changesOf(follower.known, now);
      const isQuiet = message.models.length + message.pods.length === 0;
      if (isQuiet && nowMs - follower.toldAtMs < heartbeatMs) continue;
      stream.write(encodeDemand(message));
      follower.known = now;
      follower.toldAtMs = nowMs;
    }
  }
}
