import { z } from 'zod';
import { kubernetes, matching } from '../kubernetes.ts';

/** The engines that Fairlead knows how to run. */
export const engineTypes = ['LlamaCpp'] as const;
export type EngineType = (typeof engineTypes)[number];

/** What a model can be asked for. */
export const features = ['Chat', 'Completions', 'Embeddings'] as const;
export type Feature = (typeof features)[number];

const environmentName = matching(
  '[A-Za-z_][A-Za-z0-9_]*',
  'letters, digits and _ are allowed, not beginning with a digit',
);

const keyOf = (kind: string) =>
  z
    .strictObject({
      name: z.string().min(1).max(253).describe(`Name of the ${kind}, in the same namespace.`),
      key: z.string().min(1).max(253).describe(`Which key of the ${kind}.`),
      optional: z
        .boolean()
        .describe(`Whether pods start without the ${kind} or the key.`)
        .optional(),
    })
    .describe(`A key of a ${kind}.`);

const environmentVariable = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(256)
      .describe('Name of the variable.')
      .register(kubernetes, { rules: [environmentName] }),
    value: z.string().max(32768).describe('Its value, as it is.').optional(),
    valueFrom: z
      .strictObject({
        secretKeyRef: keyOf('Secret').optional(),
        configMapKeyRef: keyOf('ConfigMap').optional(),
      })
      .describe('Where its value is read from when a pod starts.')
      .register(kubernetes, {
        rules: [
          {
            rule: 'has(self.secretKeyRef) != has(self.configMapKeyRef)',
            message: 'exactly one of secretKeyRef and configMapKeyRef must be set',
          },
        ],
      })
      .optional(),
  })
  .describe('An environment variable of the engine.')
  .register(kubernetes, {
    rules: [
      {
        rule: '!(has(self.value) && has(self.valueFrom))',
        message: 'value and valueFrom exclude each other',
      },
    ],
  });

/** Which engine serves the model, and how it is started. */
export const engineSpec = z
  .strictObject({
    type: z.enum(engineTypes).describe('The engine. `LlamaCpp` is llama.cpp’s llama-server.'),
    image: z
      .string()
      .min(1)
      .max(1024)
      .describe('Container image of the engine. Default: set by the operator for each engine.')
      .optional(),
    args: z
      .array(z.string().max(4096))
      .max(128)
      .describe(
        'Further command line arguments, appended last. A flag that Fairlead sets itself is refused: Accepted=False, reason FlagRefused.',
      )
      .optional(),
    env: z
      .array(environmentVariable)
      .max(64)
      .describe('Environment variables of the engine.')
      .register(kubernetes, { listType: 'map', listMapKeys: ['name'] })
      .optional(),
    contextLength: z
      .int32()
      .min(1)
      .max(16_777_216)
      .describe('Tokens that one request may use, prompt and answer. Default: what the model has.')
      .optional(),
    maxConcurrency: z
      .int32()
      .min(1)
      .max(4096)
      .describe('Requests that one replica works on at once; more of them wait. Default: 4.')
      .optional(),
    features: z
      .array(z.enum(features))
      .min(1)
      .max(8)
      .default(['Chat', 'Completions'])
      .describe(
        'What clients may ask of the model. Calls to other endpoints are refused before they reach a pod.',
      )
      .register(kubernetes, { listType: 'set' }),
  })
  .describe('Which engine serves the model, and how it is started.');
