import type { Dispatcher } from 'undici';
import type { ConnectionAware } from './upstreams.ts';

/** Told of an attempt's course: `head`, then any number of `data`, then `end`; or `failed` at any point. */
export interface AttemptListener {
  head(status: number, rawHeaders: readonly (string | Buffer)[]): void;
  /** @returns false: no more until {@link Attempt.resume} */
  data(chunk: Buffer): boolean;
  /** The engine's own end of the reply. */
  end(): void;
  /** No more will come. Not called after {@link Attempt.abort}. */
  failed(error: Error): void;
}

/** One request at one replica. */
export class Attempt implements ConnectionAware {
  readonly #listener: AttemptListener;
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;
  /** The connection had served another request before. */
  reusedSocket = false;

  constructor(listener: AttemptListener) {
    this.#listener = listener;
  }

  /** Closes the connection at once, in whatever state it is; nothing is told any more. */
  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.abort(new Error('aborted'));
  }

  /** Goes on after `data` returned false. */
  resume(): void {
    this.#controller?.resume();
  }

  onConnection(reused: boolean): void {
    this.reusedSocket = reused;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Aborted while it waited for its connection.
    if (this.#over) controller.abort(new Error('aborted'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // Interim responses (1xx) end at this hop.
    if (this.#over || status < 200) return;
    const raw = controller.rawHeaders;
    this.#listener.head(status, Array.isArray(raw) ? raw : []);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#over && !this.#listener.data(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener.failed(error);
  }
}
