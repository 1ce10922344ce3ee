import { z } from 'zod';
import { atMost, duration } from '../duration.ts';
import { kubernetes } from '../kubernetes.ts';
import { scheduleSpec } from './schedule.ts';

/** Requests that wait while no replica can take them; the router's part of it. */
export const holdSpec = z
  .strictObject({
    timeout: duration()
      .default('10m')
      .describe(
        'How long a request may wait for a replica, after which it gets 503 with Retry-After. 0s: it does not wait.',
      ),
    maxRequests: z
      .int32()
      .min(0)
      .max(100_000)
      .default(1000)
      .describe(
        'How many requests may wait in each router. One more gets 429 with Retry-After. 0: none may.',
      ),
  })
  .prefault({})
  .describe(
    'Requests that come while no replica serves wait in the router instead of failing, within these bounds.',
  );

/** How many in flight one replica is meant for. */
const targetSpec = z
  .strictObject({
    inFlightPerReplica: z
      .int32()
      .min(1)
      .max(100_000)
      .describe(
        'How many requests, in flight or waiting, one replica is to carry: with 4 here, 12 of them make 3 replicas. Default: as many as the engine computes at once, which is engine.maxConcurrency where that is set.',
      )
      .optional(),
  })
  .describe('What one replica is meant to carry.');

/** How the number of replicas follows the requests. Never part of a revision: pods do not know of it. */
export const autoscalingSpec = z
  .strictObject({
    minReplicas: z
      .int32()
      .min(0)
      .max(1000)
      .default(1)
      .describe(
        'There are never fewer. 0: without requests for idleTimeout the model costs nothing, and the next request waits until a replica serves. A new object begins with as many.',
      ),
    maxReplicas: z
      .int32()
      .min(1)
      .max(1000)
      .describe(
        'There are never more. When more were needed the condition ScalingLimited says so.',
      ),
    target: targetSpec.optional(),
    scaleUpWindow: duration(atMost('1h'))
      .default('30s')
      .describe(
        'Replicas are added for the mean of the requests over this time. When twice the replicas or more have been needed for a thirtieth of it, they are added at once. At most 1h.',
      ),
    scaleDownWindow: duration()
      .default('5m')
      .describe(
        'Replicas are removed when fewer have been enough for all of this time; then as many are left as were needed at most in it.',
      ),
    idleTimeout: duration()
      .default('10m')
      .describe(
        'With minReplicas 0: how long there must be no request before the last replicas are removed.',
      ),
    hold: holdSpec,
    schedules: z
      .array(scheduleSpec)
      .max(16)
      .describe(
        'Times with a higher floor, for load that is known beforehand. Where several overlap, the highest holds.',
      )
      .register(kubernetes, { listType: 'atomic' })
      .optional(),
  })
  .register(kubernetes, {
    rules: [
      {
        rule: 'self.minReplicas <= self.maxReplicas',
        message: 'minReplicas must be at most maxReplicas',
        fieldPath: '.minReplicas',
      },
      {
        rule: '!has(self.schedules) || self.schedules.all(one, one.minReplicas <= self.maxReplicas)',
        message: 'minReplicas of a schedule must be at most maxReplicas',
        fieldPath: '.schedules',
      },
    ],
  })
  .describe(
    'Fairlead writes `replicas` so that it follows the requests in flight and waiting. Absent: `replicas` is yours, or that of a HorizontalPodAutoscaler.',
  );

export type AutoscalingSpec = z.output<typeof autoscalingSpec>;
