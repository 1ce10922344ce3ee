/** A step of the demo failed. The message says which, why and where to look. */
export class StepError extends Error {
  constructor(title: string, seconds: number, where: readonly string[], cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const look = where.map((line) => `  ${line}`).join('\n');
    const after = `${title}: failed after ${seconds.toFixed(1)} s\n${reason}`;
    super(look === '' ? after : `${after}\n\nWhere to look:\n${look}`, { cause });
  }
}

/** Tells on the terminal what is done and how long it takes. */
export interface Steps {
  /**
   * Runs `work` under a title; `where` names commands and files that help when it fails.
   * Throws {@link StepError}.
   */
  step<T>(title: string, where: () => readonly string[], work: () => Promise<T>): Promise<T>;
  /** A line below the running step's title. */
  say(line: string): void;
  /** One line a step with its seconds, and the sum. */
  summary(): string;
}

/** Starts the clock. `write` gets whole lines. */
export function startSteps(write: (line: string) => void): Steps {
  const startMs = performance.now();
  const done: { title: string; seconds: number }[] = [];
  return {
    say: (line) => write(`          ${line}`),
    step: async (title, where, work) => {
      const stepMs = performance.now();
      write(`[${secondsSince(startMs).toFixed(1).padStart(6)} s] ${title}`);
      try {
        const result = await work();
        done.push({ title, seconds: secondsSince(stepMs) });
        return result;
      } catch (error) {
        throw new StepError(title, secondsSince(stepMs), where(), error);
      }
    },
    summary: () =>
      [...done, { title: 'In all', seconds: secondsSince(startMs) }]
        .map(({ title, seconds }) => `${seconds.toFixed(1).padStart(8)} s  ${title}`)
        .join('\n'),
  };
}

function secondsSince(sinceMs: number): number {
  return (performance.now() - sinceMs) / 1000;
}
