import type { Dispatcher } from 'undici';
import type { Timeouts } from '../catalog/routing.ts';
import type { Connection } from './connection.ts';
import type { Deadline } from './deadline-wheel.ts';
import type { Deadlines } from './deadlines.ts';
import { type Failure, failureOf, timeouts } from './failure.ts';
import type { Upstreams } from './upstreams.ts';

/** Told of an attempt's course: `head`, then any number of `data`, then `end`; or `failed` at any point. */
export interface AttemptListener {
  head(status: number, rawHeaders: readonly (string | Buffer)[]): void;
  /** @returns false: no more until {@link Attempt.resume} */
  data(chunk: Buffer): boolean;
  /** The engine's own end of the reply. */
  end(): void;
  /** No more will come. Not called after {@link Attempt.abort}. */
  failed(failure: Failure): void;
}

/** One request at one replica, within its deadlines. */
export class Attempt {
  readonly #listener: AttemptListener;
  readonly #upstreams: Upstreams;
  readonly #connection: Connection;
  readonly #deadlines: Deadlines;
  readonly #timeouts: Timeouts;
  #controller: Dispatcher.DispatchController | undefined;
  /** The one that runs now: for the connection, the first byte, then the silence between bytes. */
  #deadline: Deadline;
  #heard: (() => void) | undefined;
  #over = false;

  constructor(
    shared: { upstreams: Upstreams; deadlines: Deadlines },
    connection: Connection,
    limits: Timeouts,
    listener: AttemptListener,
  ) {
    this.#listener = listener;
    this.#upstreams = shared.upstreams;
    this.#connection = connection;
    this.#deadlines = shared.deadlines;
    this.#timeouts = limits;
    this.#deadline = this.#deadlines.after(limits.connectMs, () => this.#fail(timeouts.connect));
  }

  send(options: Dispatcher.DispatchOptions): void {
    this.#connection.send(options, this);
  }

  /** A connection that had served others broke before any byte: it says nothing about the replica. */
  get wasIdleRace(): boolean {
    return this.#connection.isReused && !this.#connection.hasAnswered;
  }

  /** Closes the connection at once, in whatever state it is; nothing is told any more. */
  abort(): void {
    if (this.#over) return;
    this.#finish();
    this.#upstreams.drop(this.#connection);
  }

  /** Goes on after `data` returned false. */
  resume(): void {
    if (this.#over) return;
    this.#awaitBytes();
    this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#over) return;
    this.#controller = controller;
    this.#connection.began();
    this.#deadline.cancel();
    const { firstByteMs } = this.#timeouts;
    this.#deadline = this.#deadlines.after(firstByteMs, () => this.#fail(timeouts.firstByte));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // Interim responses (1xx) end at this hop.
    if (this.#over || status < 200) return;
    this.#awaitBytes();
    const raw = controller.rawHeaders;
    this.#listener.head(status, Array.isArray(raw) ? raw : []);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    this.#heard?.();
    if (this.#listener.data(chunk) || this.#over) return;
    // A slow client is not the engine's silence.
    this.#deadline.cancel();
    controller.pause();
  }

  onResponseEnd(): void {
    if (this.#over) return;
    if (this.#connection.isBroken) {
      this.#fail(failureOf(new Error('reset')));
      return;
    }
    this.#finish();
    this.#upstreams.giveBack(this.#connection);
    this.#listener.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (!this.#over) this.#fail(failureOf(error));
  }

  #awaitBytes(): void {
    this.#deadline.cancel();
    const { idleMs } = this.#timeouts;
    const silence = this.#deadlines.silence(idleMs, () => this.#fail(timeouts.idle));
    this.#deadline = silence;
    this.#heard = silence.heard;
  }

  #fail(failure: Failure): void {
    this.abort();
    this.#listener.failed(failure);
  }

  #finish(): void {
    this.#over = true;
    this.#deadline.cancel();
  }
}
