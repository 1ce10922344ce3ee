import { z } from 'zod';
import { duration } from '../duration.ts';
import { kubernetes } from '../kubernetes.ts';

const stepSpec = z
  .strictObject({
    weight: z
      .int32()
      .min(1)
      .max(99)
      .describe('How many of a hundred requests go to the new revision.'),
    pause: duration()
      .default('5m')
      .describe('How long the step lasts at least, from when its replicas serve.'),
  })
  .describe('A share of the requests, for a while.');

const gatesSpec = z
  .strictObject({
    requests: z
      .int32()
      .min(0)
      .max(1_000_000)
      .default(20)
      .describe(
        'How many requests the new revision must have answered before a step ends. Its times are compared from the fifth answer on.',
      ),
    errorRatePoints: z
      .int32()
      .min(0)
      .max(100)
      .default(5)
      .describe(
        'By how many percentage points more of its requests may fail than of the stable revision’s. Those that were then answered by another replica count.',
      ),
    ttftPercent: z
      .int32()
      .min(100)
      .max(10_000)
      .default(150)
      .describe('Its mean time to the first token, at most, in percent of the stable revision’s.'),
    tpotPercent: z
      .int32()
      .min(100)
      .max(10_000)
      .default(150)
      .describe('Its mean time per output token, at most, in percent of the stable revision’s.'),
  })
  .prefault({})
  .describe(
    'What the new revision must not be worse at than the stable one, beyond what chance explains. When it is, all requests go back to the stable revision and the rollout ends.',
  );

/** A rollout that gives the new revision a growing share of the requests before it replaces the old one. */
export const canarySpec = z
  .strictObject({
    steps: z
      .array(stepSpec)
      .min(1)
      .max(10)
      .describe('One after another; after the last one the rollout goes on as without a canary.')
      .register(kubernetes, {
        listType: 'atomic',
        rules: [
          {
            rule: 'self.map(s, s.weight).isSorted() && self.all(s, self.exists_one(t, t.weight == s.weight))',
            message: 'every step must have a greater weight than the one before it',
          },
        ],
      }),
    gates: gatesSpec,
  })
  .describe(
    'Give the new revision a growing share of the requests first, beside the old one, and go back by itself when it fails more often or is slower. Without it replicas are replaced at once.',
  );

export type CanarySpec = z.output<typeof canarySpec>;

/** Where a canary is. */
export const canaryPhases = ['Running', 'Promoted', 'RolledBack'] as const;

/** The part of the status that a canary goes by, over restarts of the operator. */
export const canaryStatus = z
  .strictObject({
    phase: z
      .enum(canaryPhases)
      .describe(
        'Running: both revisions serve. Promoted: it replaces the stable one. RolledBack: it was worse, and stays away until the spec changes.',
      ),
    revision: z.string().max(63).describe('The new revision.'),
    stableRevision: z.string().max(63).describe('The one that it is compared with.'),
    step: z.int32().min(1).max(10).describe('Which step, from 1.'),
    weight: z
      .int32()
      .min(0)
      .max(100)
      .describe(
        'How many of a hundred requests go to the new revision now; routers follow it. It grows to the step’s as its replicas begin to serve.',
      ),
    since: z
      .string()
      .max(32)
      .describe('When the step’s replicas served; absent before that.')
      .optional(),
    message: z.string().max(1024).describe('What happens, or why it ended.'),
  })
  .describe('The canary of the last rollout that had one.');

export type CanaryStatus = z.output<typeof canaryStatus>;
