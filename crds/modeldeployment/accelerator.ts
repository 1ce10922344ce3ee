import { z } from 'zod';
import { kubernetes, quantity } from '../kubernetes.ts';

/** The profile that needs no object: no accelerator at all. */
export const cpuProfile = 'cpu';

/** What each replica runs on. */
export const acceleratorSpec = z
  .strictObject({
    profile: z
      .string()
      .min(1)
      .max(63)
      .default(cpuProfile)
      .describe('Name of an AcceleratorProfile, or `cpu`, which is built in.'),
    count: z
      .int32()
      .min(1)
      .max(64)
      .default(1)
      .describe('Accelerators per replica. Without meaning for `cpu`.'),
  })
  .prefault({})
  .describe('What each replica runs on. Default: the CPU.');

/** How many hosts work as one replica. */
export const nodesField = z
  .int32()
  .min(1)
  .max(16)
  .default(1)
  .describe(
    'Hosts of one replica, for models that one host cannot hold: each has accelerator.count accelerators, and the layers are spread over the hosts. More than 1 needs the LeaderWorkerSet of lws.sigs.k8s.io in the cluster.',
  );

/** A taint, as in a pod's `tolerations`. */
export const toleration = z
  .strictObject({
    key: z.string().max(316).describe('Key of the taint; absent means every key.').optional(),
    operator: z
      .enum(['Exists', 'Equal'])
      .describe('How the value is compared. Default: Equal.')
      .optional(),
    value: z.string().max(63).describe('Value of the taint, for Equal.').optional(),
    effect: z
      .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
      .describe('Effect of the taint; absent means every effect.')
      .optional(),
    tolerationSeconds: z
      .int()
      .describe('How long a NoExecute taint is tolerated; absent means for ever.')
      .optional(),
  })
  .describe('A taint that replicas may ignore.');

const quantities = z.record(z.string(), quantity).register(kubernetes, { maxProperties: 16 });

/** CPU, memory and the like of each replica. */
export const resourcesSpec = z
  .strictObject({
    requests: quantities.describe('What the scheduler sets aside for a replica.').optional(),
    limits: quantities.describe('What a replica may not exceed.').optional(),
  })
  .describe(
    'CPU and memory of each replica’s engine, as in a container; the CPU, rounded up, is also the number of threads of LlamaCpp. The accelerators come from `accelerator`.',
  );
