import { z } from 'zod';
import type { Feature } from './features.ts';

/** What is tried of a model, in this order, when it is for the feature; and what it means. */
export const capabilities = {
  chat: { feature: 'Chat', text: 'Chat completions.' },
  stream: { feature: 'Chat', text: 'Streamed chat completions that end as OpenAI’s do.' },
  streamUsage: { feature: 'Chat', text: 'Tokens at the end of a stream that asks for them.' },
  tools: { feature: 'Chat', text: 'Tools, with the model free to call one or not.' },
  requiredTools: { feature: 'Chat', text: 'A call of a tool that is required.' },
  jsonSchema: { feature: 'Chat', text: 'Answers held to a JSON schema.' },
  logprobs: { feature: 'Chat', text: 'Log probabilities of chat completions.' },
  responses: { feature: 'Chat', text: 'OpenAI’s Responses API.' },
  messages: { feature: 'Chat', text: 'Anthropic’s Messages API.' },
  completions: { feature: 'Completions', text: 'Completions of a prompt.' },
  embeddings: { feature: 'Embeddings', text: 'Embeddings.' },
  rerank: { feature: 'Rerank', text: 'Rerank.' },
  score: { feature: 'Score', text: 'Scores of pairs of texts.' },
} as const satisfies Record<string, { feature: Feature; text: string }>;

export type Capability = keyof typeof capabilities;

/** What a probe found: true works, false does not, absent was not tried. */
export type Findings = { [capability in Capability]?: boolean | undefined };

const found = Object.fromEntries(
  Object.entries(capabilities).map(([name, { text }]) => [
    name,
    z.boolean().describe(text).optional(),
  ]),
) as Record<Capability, z.ZodOptional<z.ZodBoolean>>;

/** The part of the status that keeps the findings. */
export const capabilitiesStatus = z
  .strictObject({
    revision: z.string().max(63).describe('The revision that was tried.'),
    ...found,
  })
  .describe(
    'What a short probe of the first ready replica of a revision found to work. What the model is not for (spec.engine.features) is not tried.',
  );

export type Capabilities = z.output<typeof capabilitiesStatus>;
