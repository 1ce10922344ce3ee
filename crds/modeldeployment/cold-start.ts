import { z } from 'zod';
import { kubernetes } from '../kubernetes.ts';

const seconds = z.int32().min(0);

/** How long the model last took to serve while no replica did, stage by stage. */
export const coldStart = z
  .strictObject({
    pod: z.string().max(253).describe('Name of the pod that served first.'),
    readyAt: z
      .string()
      .max(64)
      .describe('When it served.')
      .register(kubernetes, { format: 'date-time' }),
    scheduleSeconds: seconds.describe('Until it had a node.'),
    imagePullSeconds: seconds.describe('Pulling images; 0: the node had them.'),
    fetchWeightsSeconds: seconds.describe(
      'Fetching the weights, or pulling the image that holds them; 0: they were there.',
    ),
    loadSeconds: seconds.describe('From the start of the engine until it answered.'),
    firstReadySeconds: seconds.describe('From then until the pod was Ready.'),
    totalSeconds: seconds.describe(
      'All of it, with what belongs to no stage: mounting volumes, setting up the network.',
    ),
  })
  .describe(
    'How long the model last took to serve when no replica did: of the pod that served first, from its creation on.',
  );

export type LastColdStart = z.output<typeof coldStart>;
