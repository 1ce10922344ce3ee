import type { Writable } from 'node:stream';
import {
  changesOf,
  type DemandMessage,
  type DemandState,
  encodeDemand,
  fullMessage,
  heartbeatMs,
} from '../../protocol/demand.ts';

/** Changes that come within this time are told together; far below the protocol's changeDelayMs. */
const coalesceMs = 20;

/**
 * Tells any number of followers what this router has in flight (protocol/demand), when it is told that
 * something has changed. One who does not keep up is told the sum of the changes later, so that nothing
 * piles up. While nobody follows, a change costs a comparison.
 */
export class DemandPublisher {
  /** Those who follow, and what they were told. */
  readonly #followers = new Map<Writable, DemandState>();
  readonly #router: string;
  readonly #snapshot: () => DemandState;
  #heartbeat: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  /** Set while what was told at once may be followed by more in the same turn of the event loop. */
  #turn: NodeJS.Immediate | undefined;
  #hasMore = false;

  /** @param router made anew by each process */
  constructor(router: string, snapshot: () => DemandState) {
    this.#router = router;
    this.#snapshot = snapshot;
  }

  /** Writes the full state to `stream`, and the changes until it closes. */
  follow(stream: Writable): void {
    const known = this.#snapshot();
    stream.write(encodeDemand(fullMessage(this.#router, known)));
    this.#followers.set(stream, known);
    stream.once('close', () => this.#leave(stream));
    stream.once('error', () => this.#leave(stream));
    stream.on('drain', () => this.changed());
    this.#heartbeat ??= setInterval(() => this.#tell(true), heartbeatMs);
  }

  /** Something has changed: it is told soon, together with what changes until then. */
  changed = (): void => {
    if (this.#followers.size === 0 || this.#soon) return;
    this.#soon = setTimeout(() => this.#tell(), coalesceMs);
  };

  /** Something has changed that followers wait for: it is told now, and what follows in this turn at its end. */
  changedNow = (): void => {
    if (this.#followers.size === 0) return;
    if (this.#turn) {
      this.#hasMore = true;
      return;
    }
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      if (this.#hasMore) this.#tell();
      this.#hasMore = false;
    });
    this.#tell();
  };

  /** Ends every stream. */
  close(): void {
    for (const stream of this.#followers.keys()) stream.end();
  }

  #leave(stream: Writable): void {
    this.#followers.delete(stream);
    if (this.#followers.size > 0) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
    clearTimeout(this.#soon);
    this.#soon = undefined;
  }

  /** @param isHeartbeat those for whom there is nothing new are told so */
  #tell(isHeartbeat = false): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    const now = this.#snapshot();
    /** Those who keep up know the same. */
    const messages = new Map<DemandState, DemandMessage>();
    for (const [stream, known] of this.#followers) {
      if (stream.writableNeedDrain) continue;
      const message = messages.get(known) ?? changesOf(known, now);
      messages.set(known, message);
      const { models, pods, tenants, revisions } = message;
      const isQuiet = models.length + pods.length + tenants.length + revisions.length === 0;
      if (isQuiet && !isHeartbeat) continue;
      stream.write(encodeDemand(message));
      this.#followers.set(stream, now);
    }
  }
}
