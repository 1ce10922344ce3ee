import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** The pieces of a long run, each kept when it is done, so that the run can be ended and go on later. */
export class Pieces {
  readonly #path: string | undefined;
  readonly #endMs: number;
  readonly #done = new Map<string, unknown>();
  /** Pieces that were not done, since the time was over. */
  left = 0;

  /**
   * @param path a file of one line for each piece; undefined: nothing is kept
   * @param forS no piece is begun after so many seconds
   */
  constructor(path: string | undefined, forS: number) {
    this.#path = path;
    this.#endMs = performance.now() + 1_000 * forS;
    const lines = path && existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
    for (const line of lines.filter((text) => text !== '')) {
      const { name, result } = JSON.parse(line) as { name: string; result: unknown };
      this.#done.set(name, result);
    }
  }

  /**
   * What a piece gives: known, or found now.
   * @param name tells it from all others, with all that it depends on
   * @returns undefined: the time is over
   */
  async do<T>(name: string, run: () => T | Promise<T>): Promise<T | undefined> {
    if (this.#done.has(name)) return this.#done.get(name) as T;
    if (performance.now() > this.#endMs) {
      this.left++;
      return undefined;
    }
    process.stderr.write(`${new Date().toISOString()} ${name}\n`);
    const result = await run();
    this.#done.set(name, result);
    if (this.#path) appendFileSync(this.#path, `${JSON.stringify({ name, result })}\n`);
    return result;
  }
}
