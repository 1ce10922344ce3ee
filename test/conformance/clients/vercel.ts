/** Vercel's AI SDK with its provider for OpenAI-compatible servers. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embedMany, generateText, jsonSchema, Output, streamText, tool } from 'ai';
import { collect, report, target } from './checks.ts';
import {
  countTo20,
  personQuestion,
  personSchema,
  question,
  weatherParameters,
  weatherQuestion,
} from './prompts.ts';

const provider = (url: string) =>
  createOpenAICompatible({ name: 'target', baseURL: `${url}/v1`, includeUsage: true });
const model = provider(target.chat.url)(target.chat.model);
const base = { model, temperature: 0, maxOutputTokens: 60, maxRetries: 0 };
const tools = {
  get_weather: tool({
    description: 'Weather',
    inputSchema: jsonSchema<{ city: string }>(weatherParameters),
  }),
};
const embed = target.embed;

await report({
  generateText: async () => {
    const { text, finishReason, usage } = await generateText({ ...base, prompt: question });
    return { text, finishReason, usage };
  },
  streamText: async () => {
    const result = streamText({ ...base, prompt: countTo20 });
    const pieces = await collect(result.textStream);
    return { pieces, finishReason: await result.finishReason, usage: await result.usage };
  },
  'generateText with tools': async () => {
    const { toolCalls, finishReason } = await generateText({
      ...base,
      tools,
      prompt: weatherQuestion,
    });
    return { calls: toolCalls.map(({ toolName, input }) => ({ toolName, input })), finishReason };
  },
  'streamText with tools': async () => {
    const result = streamText({ ...base, tools, prompt: weatherQuestion });
    const parts = await collect(result.fullStream);
    const calls = await result.toolCalls;
    return {
      types: [...new Set(parts.map(({ type }) => type))],
      calls: calls.map(({ toolName, input }) => ({ toolName, input })),
    };
  },
  'generateText with a schema': async () => {
    const output = Output.object({ schema: jsonSchema<object>(personSchema) });
    const result = await generateText({ ...base, prompt: personQuestion, output });
    return result.output;
  },
  'generateText of an unknown model': () =>
    generateText({
      ...base,
      model: provider(target.chat.url)('no/such-model'),
      prompt: question,
    }).then(({ text }) => ({ text })),
  ...(embed && {
    embedMany: async () => {
      const embedder = provider(embed.url).embeddingModel(embed.model);
      return (await embedMany({ model: embedder, values: ['The sea', 'A boat'], maxRetries: 0 }))
        .embeddings;
    },
  }),
});
