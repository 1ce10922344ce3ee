import type { AttemptListener } from './attempt.ts';
import type { Failure } from './failure.ts';

/** A listener that is told of what it throws itself. */
export interface CrashableListener extends AttemptListener {
  crashed(thrown: unknown): void;
}

/** Stands between an attempt and its listener: what that throws, undici would lose or the process die of. */
export class GuardedListener implements AttemptListener {
  readonly #listener: CrashableListener;

  constructor(listener: CrashableListener) {
    this.#listener = listener;
  }

  head(status: number, rawHeaders: readonly (string | Buffer)[]): void {
    try {
      this.#listener.head(status, rawHeaders);
    } catch (thrown) {
      this.#listener.crashed(thrown);
    }
  }

  data(chunk: Buffer): boolean {
    try {
      return this.#listener.data(chunk);
    } catch (thrown) {
      this.#listener.crashed(thrown);
      return true;
    }
  }

  end(): void {
    try {
      this.#listener.end();
    } catch (thrown) {
      this.#listener.crashed(thrown);
    }
  }

  failed(failure: Failure): void {
    try {
      this.#listener.failed(failure);
    } catch (thrown) {
      this.#listener.crashed(thrown);
    }
  }
}
