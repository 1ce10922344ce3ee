import { type Rule, Samples, type Seen } from './rule.ts';

const stableS = 60;
const panicS = 6;
/** Of the concurrency that a replica is allowed. */
const targetShare = 0.7;
const graceS = 30;

/**
 * Knative's pod autoscaler (docs/serving/autoscaling, defaults): every 2 s the mean over 60 s; in panic, when
 * twice the ready replicas are needed by the mean over 6 s, that one, and never fewer until 60 s after it; at
 * most half as many at a time; to zero when a stable window and the grace period were without a request.
 */
export class Knative implements Rule {
  readonly name = 'Knative';
  readonly periodS = 2;
  readonly #target: number;
  readonly #samples = new Samples();
  #panicSinceS: number | undefined;
  #panicMost = 0;
  #idleSinceS: number | undefined;

  constructor(concurrency: number) {
    this.#target = concurrency * targetShare;
  }

  decide({ nowS, signal, wanted, ready, maxReplicas }: Seen) {
    this.#samples.add(nowS, signal, stableS);
    const stable = this.#samples.mean(nowS, stableS);
    const most = Math.ceil(this.#samples.mean(nowS, panicS) / this.#target);
    const floor = Math.floor(wanted / 2);
    const asked = Math.max(floor, Math.ceil(stable / this.#target));
    if (most / Math.max(1, ready) >= 2) this.#panicSinceS = nowS;
    else if (this.#panicSinceS !== undefined && nowS > this.#panicSinceS + stableS) {
      this.#panicSinceS = undefined;
      this.#panicMost = 0;
    }
    const isPanic = this.#panicSinceS !== undefined;
    if (isPanic) this.#panicMost = Math.max(this.#panicMost, most, wanted);
    const desired = Math.min(maxReplicas, isPanic ? this.#panicMost : asked);
    return { desired: this.#toZero(nowS, stable, desired, wanted), againInS: this.periodS };
  }

  #toZero(nowS: number, stable: number, desired: number, wanted: number): number {
    if (stable > 0) this.#idleSinceS = undefined;
    else this.#idleSinceS ??= nowS;
    const isIdle = this.#idleSinceS !== undefined && nowS - this.#idleSinceS >= graceS;
    return isIdle ? 0 : Math.max(desired, Math.min(1, wanted));
  }
}
