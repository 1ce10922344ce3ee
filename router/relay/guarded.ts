import type { AttemptListener } from './attempt.ts';
import type { Failure } from './failure.ts';

/** Hears an attempt for another, and tells it of what it throws, which undici would lose or the process die of. */
export class GuardedListener implements AttemptListener {
  readonly #listener: AttemptListener;
  readonly #crashed: (thrown: unknown) => void;

  constructor(listener: AttemptListener, crashed: (thrown: unknown) => void) {
    this.#listener = listener;
    this.#crashed = crashed;
  }

  head(status: number, rawHeaders: readonly (string | Buffer)[]): void {
    try {
      this.#listener.head(status, rawHeaders);
    } catch (thrown) {
      this.#crashed(thrown);
    }
  }

  data(chunk: Buffer): boolean {
    try {
      return this.#listener.data(chunk);
    } catch (thrown) {
      this.#crashed(thrown);
      return true;
    }
  }

  end(): void {
    try {
      this.#listener.end();
    } catch (thrown) {
      this.#crashed(thrown);
    }
  }

  failed(failure: Failure): void {
    try {
      this.#listener.failed(failure);
    } catch (thrown) {
      this.#crashed(thrown);
    }
  }
}
