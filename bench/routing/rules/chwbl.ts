import { mix } from '../random.ts';
import type { SimRequest } from '../request.ts';
import { LoadRule, type RuleContext } from './rule.ts';

const points = 256;
const meanLoadFactor = 1.25;

/**
 * KubeAI's PrefixHash: consistent hashing with bounded loads by the first 100 characters of the first
 * user message (https://www.kubeai.org/concepts/load-balancing/): 256 points a replica on the ring; a
 * replica whose requests exceed 1.25 of the mean is passed over.
 */
export class ConsistentHashing extends LoadRule {
  readonly #ring: { hash: number; replica: number }[] = [];
  #total = 0;

  constructor(context: RuleContext) {
    super(context);
    for (let replica = 0; replica < context.replicas; replica++) {
      for (let point = 0; point < points; point++) {
        this.#ring.push({ hash: mix(mix(replica, 31), point) >>> 0, replica });
      }
    }
    this.#ring.sort((a, b) => a.hash - b.hash);
  }

  override pick({ headKey }: SimRequest): number {
    const bound = Math.ceil(((this.#total + 1) / this.context.replicas) * meanLoadFactor);
    const hash = mix(headKey, 41) >>> 0;
    let start = 0;
    let end = this.#ring.length;
    while (start < end) {
      const middle = (start + end) >>> 1;
      if ((this.#ring[middle]?.hash ?? 0) < hash) start = middle + 1;
      else end = middle;
    }
    for (let step = 0; step < this.#ring.length; step++) {
      const replica = this.#ring[(start + step) % this.#ring.length]?.replica ?? 0;
      if (this.loadOf(replica) + 1 <= bound) return replica;
    }
    return this.least((replica) => this.loadOf(replica));
  }

  override sent(request: SimRequest, replica: number): void {
    super.sent(request, replica);
    this.#total++;
  }

  override finished(request: SimRequest, replica: number): void {
    super.finished(request, replica);
    this.#total--;
  }
}
