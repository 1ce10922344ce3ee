import { setTimeout as delay } from 'node:timers/promises';
import { decodeBatch, type KvBatch, type KvEvent } from './decode.ts';
import { connectZmtp, type ZmtpConnection } from './zmtp.ts';

/** Pauses before further tries at an engine that cannot be reached, the last one again and again; milliseconds. */
const pausesMs = [100, 1_000, 5_000, 30_000];
/** Without another batch. */
const replayTimeoutMs = 5_000;
/** The sequence number that ends a replay: -1. */
const endOfReplay = 0xffff_ffff_ffff_ffffn;

/** Where an engine tells of its prefix cache. */
export interface KvEventsAddress {
  readonly host: string;
  /** Publishes batches as they happen (ZeroMQ PUB). */
  readonly port: number;
  /** Gives the latest ones again (ROUTER). */
  readonly replayPort: number;
}

/** Who is told. */
export interface KvEventsListener {
  apply(event: KvEvent): void;
  /** The engine has begun anew: its cache was empty before what follows. */
  emptied(): void;
  /** Something is missing before what follows. */
  missed(): void;
  /** Whether all is told as it happens, from now on. @param error why not */
  live(isLive: boolean, error?: Error): void;
}

/** A batch and its place in the engine's own order, from 0 on. */
interface Numbered {
  readonly seq: number;
  readonly batch: KvBatch;
}

/**
 * Follows an engine's events until it is stopped: each once and in order. After a break or a gap it asks for
 * what it has missed; an engine that has begun anew is told by batches that are not those of before.
 */
export class KvEventStream {
  readonly #address: KvEventsAddress;
  readonly #listener: KvEventsListener;
  readonly #stopping = new AbortController();
  #subscription: ZmtpConnection | undefined;
  /** Gives up the replay that is on. */
  #endReplay: (() => void) | undefined;
  /** The last that was told. */
  #last: { seq: number; ts: number } | undefined;
  /** What has come while earlier ones are asked for; undefined: none are. */
  #waiting: Numbered[] | undefined;
  #failures = 0;

  constructor(address: KvEventsAddress, listener: KvEventsListener) {
    this.#address = address;
    this.#listener = listener;
    this.#connect();
  }

  stop(): void {
    this.#stopping.abort();
    this.#subscription?.close();
    this.#endReplay?.();
  }

  #connect(): void {
    this.#subscription = connectZmtp('SUB', this.#address, {
      ready: () => {
        // A subscription to all topics.
        this.#subscription?.send([Buffer.from([1])]);
        void this.#catchUp();
      },
      message: ([, seq, payload]) => this.#received(numbered(seq, payload)),
      closed: (error) => void this.#reconnect(error),
    });
  }

  async #reconnect(error: Error | undefined): Promise<void> {
    this.#waiting = undefined;
    this.#endReplay?.();
    this.#listener.live(false, error);
    const pauseMs = pausesMs[Math.min(this.#failures++, pausesMs.length - 1)];
    const { signal } = this.#stopping;
    await delay(pauseMs, undefined, { signal, ref: false }).catch(() => {});
    if (!signal.aborted) this.#connect();
  }

  #received(one: Numbered | undefined): void {
    if (!one) return;
    if (this.#waiting) this.#waiting.push(one);
    else if (one.seq === this.#next) this.#tell(one);
    else if (one.seq > this.#next) void this.#catchUp(one);
  }

  get #next(): number {
    return this.#last ? this.#last.seq + 1 : 0;
  }

  #tell({ seq, batch }: Numbered): void {
    this.#failures = 0;
    this.#last = { seq, ts: batch.ts };
    for (const event of batch.events) this.#listener.apply(event);
  }

  /** Tells what was missed, or that it cannot be had, and what has come meanwhile. */
  async #catchUp(...first: Numbered[]): Promise<void> {
    const waiting = first;
    this.#waiting = waiting;
    const last = this.#last;
    let missed = await this.#replay(last?.seq ?? 0);
    const isAnother = last !== undefined && missed !== undefined && !isContinued(missed, last);
    if (isAnother) missed = await this.#replay(0);
    if (this.#waiting !== waiting || this.#stopping.signal.aborted) return;
    if (!missed) {
      this.#subscription?.close();
      await this.#reconnect(new Error('it does not tell its latest events again'));
      return;
    }
    this.#waiting = undefined;
    if (isAnother) {
      this.#last = undefined;
      this.#listener.emptied();
    }
    for (const one of [...missed, ...waiting]) {
      if (one.seq > this.#next) this.#listener.missed();
      if (one.seq >= this.#next) this.#tell(one);
    }
    this.#listener.live(true);
  }

  /** The batches from one on, as far as the engine still has them; undefined when it does not answer. */
  #replay(from: number): Promise<Numbered[] | undefined> {
    const batches: Numbered[] = [];
    return new Promise((resolve) => {
      const done = (result: Numbered[] | undefined) => {
        clearTimeout(deadline);
        connection.close();
        this.#endReplay = undefined;
        resolve(result);
      };
      this.#endReplay = () => done(undefined);
      const deadline = setTimeout(() => done(undefined), replayTimeoutMs);
      const { host, replayPort: port } = this.#address;
      const connection = connectZmtp(
        'DEALER',
        { host, port },
        {
          ready: () => {
            const seq = Buffer.alloc(8);
            seq.writeBigUInt64BE(BigInt(from));
            connection.send([Buffer.alloc(0), seq]);
          },
          message: ([, , seq, payload]) => {
            const one = numbered(seq, payload);
            if (!one) return done(batches);
            batches.push(one);
            deadline.refresh();
          },
          closed: () => done(undefined),
        },
      );
    });
  }
}

/** Whether what an engine tells again from `last` on is what it told before, or comes after that. */
function isContinued([first]: readonly Numbered[], last: { seq: number; ts: number }): boolean {
  return first !== undefined && (first.seq > last.seq || first.batch.ts === last.ts);
}

/** Undefined: the end of a replay, or no batch. */
function numbered(seq: Buffer | undefined, payload: Buffer | undefined): Numbered | undefined {
  if (seq?.length !== 8 || !payload || seq.readBigUInt64BE() === endOfReplay) return undefined;
  return { seq: Number(seq.readBigUInt64BE()), batch: decodeBatch(payload) };
}
