import { z } from 'zod';
import { kubernetes, matching } from '../kubernetes.ts';
import { features } from './features.ts';

/** The engines that Fairlead knows how to run. */
export const engineTypes = ['vLLM', 'LlamaCpp', 'SGLang', 'TGI', 'Ollama', 'Custom'] as const;
export type EngineType = (typeof engineTypes)[number];

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

/** An environment variable as in a container's `env`, as far as it makes sense for an engine. */
export const environmentVariable = z
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

const allKeysOf = (kind: string) =>
  z
    .strictObject({
      name: z.string().min(1).max(253).describe(`Name of the ${kind}, in the same namespace.`),
      optional: z.boolean().describe(`Whether pods start without the ${kind}.`).optional(),
    })
    .describe(`All keys of a ${kind}.`);

const environmentSource = z
  .strictObject({
    prefix: z.string().max(256).describe('Put before each name.').optional(),
    secretRef: allKeysOf('Secret').optional(),
    configMapRef: allKeysOf('ConfigMap').optional(),
  })
  .describe('A Secret or a ConfigMap whose keys become variables.')
  .register(kubernetes, {
    rules: [
      {
        rule: 'has(self.secretRef) != has(self.configMapRef)',
        message: 'exactly one of secretRef and configMapRef must be set',
      },
    ],
  });

/** Which engine serves the model, and how it is started. */
export const engineSpec = z
  .strictObject({
    type: z
      .enum(engineTypes)
      .describe(
        'The engine. `LlamaCpp` is llama.cpp’s llama-server; `TGI` is Text Generation Inference; `Custom` is any image that answers OpenAI-format requests.',
      ),
    image: z
      .string()
      .min(1)
      .max(1024)
      .describe(
        'Container image of the engine. Default: the accelerator profile’s for this engine, else the chart’s.',
      )
      .optional(),
    command: z
      .array(z.string().max(4096))
      .min(1)
      .max(64)
      .describe(
        'For `Custom`: what is run instead of the image’s entry point. Like `args`, it may use $(MODEL_PATH), $(SERVED_NAME), $(PORT), $(CONTEXT_LENGTH) and $(MAX_CONCURRENCY).',
      )
      .optional(),
    port: z
      .int32()
      .min(1024)
      .max(65535)
      .describe('For `Custom`: the port that it listens on. Default: 8000.')
      .optional(),
    healthPath: z
      .string()
      .min(1)
      .max(256)
      .describe(
        'For `Custom`: answers 200 once requests are served, something else before. Default: /health.',
      )
      .register(kubernetes, {
        rules: [matching('/[^ ?#]*', 'must be a path that begins with /, such as "/health"')],
      })
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
    envFrom: z
      .array(environmentSource)
      .max(16)
      .describe('Secrets and ConfigMaps all of whose keys become variables of the engine.')
      .register(kubernetes, { listType: 'atomic' })
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
      .describe(
        'Requests that one replica works on at once; more of them wait. Default: 4 for LlamaCpp and Ollama, else the engine’s own.',
      )
      .optional(),
    kvEvents: z
      .boolean()
      .describe(
        'For `vLLM`, 0.32 or newer: engines tell what is in their prefix caches, and routers go by that instead of a guess. Changing it replaces the pods.',
      )
      .optional(),
    features: z
      .array(z.enum(features))
      .min(1)
      .max(8)
      .describe(
        'What clients may ask of the model; calls to other endpoints are refused before they reach a pod. Default: Chat and Completions, for Ollama also Embeddings. docs/reference/endpoints.md says what each opens.',
      )
      .register(kubernetes, { listType: 'set' })
      .optional(),
  })
  .describe('Which engine serves the model, and how it is started.')
  .register(kubernetes, {
    rules: [
      {
        rule: "self.type == 'Custom' || !(has(self.command) || has(self.port) || has(self.healthPath))",
        message:
          'command, port and healthPath are for the type Custom alone; other engines set them',
      },
      {
        rule: "!has(self.kvEvents) || !self.kvEvents || self.type == 'vLLM'",
        message: 'only vLLM tells its KV events: leave kvEvents out, or use the type vLLM',
        fieldPath: '.kvEvents',
      },
      {
        rule: "self.type != 'Custom' || has(self.image)",
        message: 'the type Custom needs an image: there is no default for it',
        fieldPath: '.image',
      },
    ],
  });

export type EngineSpec = z.output<typeof engineSpec>;
