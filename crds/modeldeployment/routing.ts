import { z } from 'zod';
import { duration } from '../duration.ts';
import { kubernetes } from '../kubernetes.ts';
import { servedName } from '../served-name.ts';

/** By which rule a replica is chosen. */
export const routingPolicies = ['PrefixAware', 'LeastLoad', 'RoundRobin'] as const;
export type RoutingPolicy = (typeof routingPolicies)[number];

/** How long the router waits for an answer. */
export const timeoutsSpec = z
  .strictObject({
    connect: duration()
      .default('5s')
      .describe('For a connection to a replica. Then another replica is asked.'),
    firstByte: duration()
      .default('0s')
      .describe(
        'From the request to the first byte of a replica’s answer. Then the client gets 504. 0s: no limit of its own, for long prompts may take long.',
      ),
    idle: duration()
      .default('5m')
      .describe('Between two bytes of an answer. Then the answer is cut off. 0s: no limit.'),
    total: duration()
      .default('1h')
      .describe('For the whole of a request, over all replicas asked. 0s: no limit.'),
  })
  .prefault({})
  .describe('How long the router waits. Changed without a restart of anything.');

/** How the router brings requests to the replicas. Never part of a revision: pods do not know of it. */
export const routingSpec = z
  .strictObject({
    policy: z
      .enum(routingPolicies)
      .default('PrefixAware')
      .describe(
        'By which rule a replica is chosen: `PrefixAware`, the one that has to compute the least for the prompt and has the least to do; `LeastLoad`, the one with the fewest requests; `RoundRobin`, the next one.',
      ),
    timeouts: timeoutsSpec,
    retries: z
      .int32()
      .min(0)
      .max(10)
      .default(2)
      .describe(
        'How many other replicas a request is tried on when one fails before the first byte of its answer.',
      ),
    fallbacks: z
      .array(servedName().describe('A served name.'))
      .max(8)
      .describe(
        'Served names of other ModelDeployments or ExternalModels that take a request when no replica of this one can: none is ready, or the last retry failed before the first byte. Tried in this order, each once; fallbacks of a fallback are not followed.',
      )
      .register(kubernetes, { listType: 'atomic' })
      .optional(),
  })
  .prefault({})
  .describe('How the router brings requests to the replicas.');

export type RoutingSpec = z.output<typeof routingSpec>;
