import {
  decide,
  type Memory,
  type PolicyConfig,
  remember,
} from '../../../operator/autoscaling/policy.ts';
import type { Rule, Seen } from './rule.ts';

/** Our own, the very code of the operator, with its defaults. */
export class Fairlead implements Rule {
  readonly name: string;
  readonly periodS = undefined;
  readonly #config: Omit<PolicyConfig, 'maxReplicas'>;
  #memory: Memory | undefined;

  constructor(concurrency: number, name = 'Fairlead', more: Partial<PolicyConfig> = {}) {
    this.name = name;
    this.#config = {
      minReplicas: 0,
      inFlightPerReplica: concurrency,
      scaleUpWindowMs: 30_000,
      scaleDownWindowMs: 300_000,
      idleTimeoutMs: 600_000,
      ...more,
    };
  }

  decide({ nowS, signal, wanted, ready, maxReplicas, isEvent }: Seen) {
    const config = { ...this.#config, maxReplicas };
    const nowMs = nowS * 1000;
    const more = { isActive: isEvent, isComplete: true, current: wanted, floor: 0 };
    const seen = { ...more, signal, ready, nowMs };
    this.#memory ??= remember(seen, config);
    const { desired, lookAgainInMs } = decide(this.#memory, config, seen);
    return { desired, againInS: lookAgainInMs === undefined ? undefined : lookAgainInMs / 1000 };
  }
}
