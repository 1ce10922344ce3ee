import { type Rule, Samples, type Seen } from './rule.ts';

/**
 * A HorizontalPodAutoscaler on the same metric (Kubernetes' documentation, defaults): every 15 s the metric as it
 * is, divided by the target, within a tolerance of a tenth; at most twice as many or four more every 15 s; down
 * to the most of the last 5 minutes. At least one replica: fewer need a feature gate.
 */
export class Hpa implements Rule {
  readonly name = 'HPA';
  readonly periodS = 15;
  readonly #concurrency: number;
  readonly #asked = new Samples();

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  decide({ nowS, signal, wanted, maxReplicas }: Seen) {
    const ratio = signal / (this.#concurrency * Math.max(1, wanted));
    const asked = Math.abs(ratio - 1) <= 0.1 ? wanted : Math.ceil(signal / this.#concurrency);
    this.#asked.add(nowS, asked, 300);
    const lasting = this.#asked.highest(nowS, 300);
    const most = Math.max(2 * wanted, wanted + 4);
    const desired = asked > wanted ? Math.min(asked, most) : Math.min(wanted, lasting);
    return { desired: Math.min(maxReplicas, Math.max(1, desired)), againInS: this.periodS };
  }
}
