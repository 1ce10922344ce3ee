import { LeastInFlight, PowerOfTwo, RoundRobin } from './by-load.ts';
import { AffinityFilter, BlockCost, CacheAware, Product, WeightedScores } from './by-prefix.ts';
import { ConsistentHashing } from './chwbl.ts';
import { PrefixAware } from './fairlead.ts';
import type { Rule, RuleContext } from './rule.ts';

/** The product's own rule. */
export const own = 'Fairlead PrefixAware';

/** Every rule by the name it has in the tables. */
export const rules: Readonly<Record<string, (context: RuleContext) => Rule>> = {
  [own]: (context) => new PrefixAware(context),
  'round robin': (context) => new RoundRobin(context),
  'least in flight': (context) => new LeastInFlight(context),
  'power of two': (context) => new PowerOfTwo(context),
  'KubeAI CHWBL': (context) => new ConsistentHashing(context),
  'SMG cache_aware': (context) => new CacheAware(context),
  'GAIE 3:2:2': (context) => new WeightedScores(context),
  'llm-d affinity 0.8': (context) => new AffinityFilter(context),
  'Dynamo cost': (context) => new BlockCost(context),
  LMetric: (context) => new Product(context),
};
