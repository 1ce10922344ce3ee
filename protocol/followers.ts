import { Agent } from 'undici';
import {
  type DemandMessage,
  type DemandReader,
  type DemandState,
  demandPath,
  leaseMs,
} from './demand.ts';
import { followStream } from './follow.ts';

/** A router whose stream is followed, while it is not silent for longer than its lease. */
export interface LiveRouter {
  /** What it is followed by, such as the key of its pod. */
  readonly key: string;
  /** Which process speaks; undefined before its first word. */
  readonly router: string | undefined;
  /** What it said last; undefined before its first word. */
  readonly state: DemandState | undefined;
}

interface Followed {
  readonly key: string;
  readonly origin: string;
  readonly stop: AbortController;
  readonly lease: NodeJS.Timeout;
  reader: DemandReader | undefined;
  /** When it said something, or was seen first. */
  heardAtMs: number;
}

/** What is told of the routers as it happens. */
export interface FollowersHandler {
  /** A router said something. */
  onMessages?(key: string, messages: readonly DemandMessage[]): void;
  /** A router is not followed any more, or its lease is over: its share of every sum has gone. */
  onLost?(key: string): void;
}

/**
 * Follows the demand streams of any number of routers. One that is silent for longer than its lease, dead
 * or hung, does not count until it speaks again; what one says is lost with it alone.
 */
export class DemandFollowers {
  readonly #handler: FollowersHandler;
  readonly #nowMs: () => number;
  readonly #path: string;
  readonly #followed = new Map<string, Followed>();
  readonly #dispatcher = new Agent({ pipelining: 1 });

  /**
   * @param nowMs a monotonic clock in milliseconds
   * @param path what is asked for: the demand stream, with or without blocks
   */
  constructor(handler: FollowersHandler, nowMs: () => number, path: string = demandPath) {
    this.#handler = handler;
    this.#nowMs = nowMs;
    this.#path = path;
  }

  /**
   * Follows a router there from now on.
   * @param origin such as `http://10.0.0.7:9090`; undefined: it does not run, or not any more
   */
  set(key: string, origin: string | undefined): void {
    const known = this.#followed.get(key);
    if (known?.origin === origin) return;
    if (known) this.#forget(known);
    if (origin !== undefined) this.#followed.set(key, this.#follow(key, origin));
    if (known) this.#handler.onLost?.(key);
  }

  /** Those that count: heard, or first seen, within their lease. */
  live(): readonly LiveRouter[] {
    const nowMs = this.#nowMs();
    const live: LiveRouter[] = [];
    for (const { key, reader, heardAtMs } of this.#followed.values()) {
      if (nowMs - heardAtMs < leaseMs) live.push({ key, router: reader?.router, state: reader });
    }
    return live;
  }

  /** Ends every stream. */
  async stop(): Promise<void> {
    for (const followed of this.#followed.values()) this.#forget(followed);
    await this.#dispatcher.destroy();
  }

  #follow(key: string, origin: string): Followed {
    const stop = new AbortController();
    const lease = setTimeout(() => this.#handler.onLost?.(key), leaseMs + 1).unref();
    const heardAtMs = this.#nowMs();
    const followed: Followed = { key, origin, stop, lease, reader: undefined, heardAtMs };
    const told = (reader: DemandReader, messages: readonly DemandMessage[]) => {
      followed.reader = reader;
      followed.heardAtMs = this.#nowMs();
      lease.refresh();
      this.#handler.onMessages?.(key, messages);
    };
    void followStream(origin + this.#path, told, stop.signal, this.#dispatcher);
    return followed;
  }

  #forget({ key, stop, lease }: Followed): void {
    stop.abort();
    clearTimeout(lease);
    this.#followed.delete(key);
  }
}
