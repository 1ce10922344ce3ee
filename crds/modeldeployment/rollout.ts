import { z } from 'zod';
import { duration } from '../duration.ts';
import { kubernetes } from '../kubernetes.ts';
import { canarySpec } from './canary.ts';

/** How replicas are replaced when the spec changes. Of it, only startTimeout reaches the pods. */
export const rolloutSpec = z
  .strictObject({
    maxSurge: z
      .int32()
      .min(0)
      .max(1)
      .describe(
        'How many replicas there may be beyond `replicas` while they are replaced. 0: a replica is drained and deleted, then its successor is made in its place. 1: the successor comes first. Default: 0 with an accelerator, for a spare one rarely exists, else 1.',
      )
      .optional(),
    maxUnavailable: z
      .int32()
      .min(0)
      .max(1000)
      .default(1)
      .describe(
        'How many replicas fewer than `replicas` may serve while they are replaced. With maxSurge 1 it is only made use of when no node has room for one more.',
      ),
    drainTimeout: duration()
      .default('10m')
      .describe(
        'How long a replica that is to go may finish its requests, after which they are cut off.',
      ),
    startTimeout: duration()
      .default('1h')
      .describe(
        'How long a replica may take from its creation until it serves. Then the engine is restarted, and a rollout stops. Changing it makes a new revision.',
      ),
    canary: canarySpec.optional(),
    revisionHistoryLimit: z
      .int32()
      .min(0)
      .max(100)
      .default(5)
      .describe('How many old revisions without replicas are kept, to go back to.'),
  })
  .register(kubernetes, {
    rules: [
      {
        rule: '!has(self.maxSurge) || self.maxSurge > 0 || self.maxUnavailable > 0',
        message: 'maxSurge and maxUnavailable must not both be 0, for then nothing can be replaced',
      },
    ],
  })
  .prefault({})
  .describe('How replicas are replaced when the spec changes, and how they end.');
