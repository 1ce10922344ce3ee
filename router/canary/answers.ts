import { noAnswers, type RevisionDemand, revisionKey } from '../../protocol/demand.ts';
import type { AttemptOutcome } from '../../telemetry/contract/values.ts';
import type { Catalog, Model, Replica } from '../catalog/model.ts';

/** How an attempt at a replica ended. */
export interface AttemptResult {
  outcome: AttemptOutcome;
  statusCode?: number | undefined;
  isStream: boolean;
  /** Tokens of the answer, where it says. */
  outputTokens?: number | undefined;
}

/** An attempt that counts for its revision. */
export interface CountedAttempt {
  /** The answer's first byte is there. */
  firstByte(): void;
  /** To be called once. */
  end(result: AttemptResult): void;
}

type Counts = { -readonly [name in keyof RevisionDemand]: RevisionDemand[name] };

/**
 * Counts how revisions answer, of models that have a canary: failures, and how fast. Sums and sums of squares,
 * so that those of all routers can be added up.
 */
export class RevisionAnswers {
  readonly #byKey = new Map<string, Counts>();
  readonly #nowMs: () => number;
  readonly #changed: () => void;

  /**
   * @param nowMs a monotonic clock in milliseconds
   * @param changed called after each answer that counts
   */
  constructor(nowMs: () => number, changed: () => void) {
    this.#nowMs = nowMs;
    this.#changed = changed;
  }

  /** An attempt begins; undefined where nobody wants to know. */
  begin(model: Model, { revision }: Replica): CountedAttempt | undefined {
    if (!model.canary) return undefined;
    const counts = this.#of(model, revision);
    const sentAtMs = this.#nowMs();
    let firstByteAtMs: number | undefined;
    return {
      firstByte: () => {
        firstByteAtMs ??= this.#nowMs();
      },
      end: ({ outcome, statusCode = 0, isStream, outputTokens = 0 }) => {
        if (outcome === 'cancelled') return;
        counts.requests++;
        if (outcome === 'failed' || outcome === 'truncated' || statusCode >= 500) counts.failures++;
        const atMs = this.#nowMs();
        if (outcome === 'ok' && isStream && firstByteAtMs !== undefined) {
          note(counts, 'ttft', firstByteAtMs - sentAtMs);
          if (outputTokens > 1) note(counts, 'tpot', (atMs - firstByteAtMs) / (outputTokens - 1));
        } else if (outcome === 'ok' && outputTokens > 0) {
          // Of an answer in one piece the time for the prompt is part of it, for both revisions alike.
          note(counts, 'tpot', (atMs - sentAtMs) / outputTokens);
        }
        this.#changed();
      },
    };
  }

  /** What there is to tell, by `namespace/name/revision`: as it is now, not as it will be. */
  told(): Map<string, RevisionDemand> {
    return new Map(Array.from(this.#byKey, ([key, counts]) => [key, { ...counts }]));
  }

  /** Forgets models that have no canary any more. */
  retain({ models }: Catalog): void {
    const compared = new Set(
      models.flatMap(({ kind, key, canary }) =>
        kind === 'ModelDeployment' && canary ? [key] : [],
      ),
    );
    for (const [key, { namespace, name }] of this.#byKey)
      if (!compared.has(`${namespace}/${name}`)) this.#byKey.delete(key);
  }

  #of({ namespace, name }: Model, revision: string): Counts {
    const key = revisionKey({ namespace, name, revision });
    let counts = this.#byKey.get(key);
    if (!counts) {
      counts = { namespace, name, revision, ...noAnswers };
      this.#byKey.set(key, counts);
    }
    return counts;
  }
}

function note(counts: Counts, what: 'ttft' | 'tpot', ms: number): void {
  counts[`${what}s`]++;
  counts[`${what}Ms`] += ms;
  counts[`${what}Ms2`] += ms * ms;
}
