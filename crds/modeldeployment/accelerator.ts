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
