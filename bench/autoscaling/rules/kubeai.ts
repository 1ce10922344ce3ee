import { type Rule, Samples, type Seen } from './rule.ts';

/**
 * KubeAI's (docs/concepts/autoscaling, defaults): every 10 s the mean of the active requests over 10 minutes,
 * divided by the target; fewer only after 30 s of asking for fewer.
 */
export class KubeAi implements Rule {
  readonly name = 'KubeAI';
  readonly periodS = 10;
  readonly #concurrency: number;
  readonly #samples = new Samples();
  #fewer = 0;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  decide({ nowS, signal, wanted, maxReplicas }: Seen) {
    this.#samples.add(nowS, signal, 600);
    const mean = this.#samples.mean(nowS, 600);
    const asked = Math.min(maxReplicas, Math.ceil(mean / this.#concurrency));
    this.#fewer = asked < wanted ? this.#fewer + 1 : 0;
    const mayFall = this.#fewer > 3;
    return { desired: asked < wanted && !mayFall ? wanted : asked, againInS: this.periodS };
  }
}
