import { LoadRule } from './rule.ts';

/** The next replica, whatever it does. */
export class RoundRobin extends LoadRule {
  #next = 0;

  override pick(): number {
    return this.#next++ % this.context.replicas;
  }
}

/** The replica with the fewest requests in flight. */
export class LeastInFlight extends LoadRule {
  override pick(): number {
    return this.least((replica) => this.loadOf(replica));
  }
}

/** Of two replicas drawn by chance, the one with fewer requests in flight. */
export class PowerOfTwo extends LoadRule {
  override pick(): number {
    const { random, replicas } = this.context;
    const one = random.below(replicas);
    const other = (one + 1 + random.below(Math.max(1, replicas - 1))) % replicas;
    return this.loadOf(one) <= this.loadOf(other) ? one : other;
  }
}
