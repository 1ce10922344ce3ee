/** The official @anthropic-ai/sdk. */
import Anthropic from '@anthropic-ai/sdk';
import { collect, report, target } from './checks.ts';
import {
  countTo20,
  question,
  tooLongPrompt,
  unicode,
  weatherParameters,
  weatherQuestion,
} from './prompts.ts';

const client = new Anthropic({
  baseURL: target.chat.url,
  apiKey: 'none',
  maxRetries: 0,
  timeout: 50_000,
});
const { messages } = client;
const ask = (content: string) => [{ role: 'user' as const, content }];
const base = { model: target.chat.model, max_tokens: 60, temperature: 0, messages: ask(question) };
const tools = [
  {
    name: 'get_weather',
    description: 'Weather',
    input_schema: { ...weatherParameters, required: ['city'] },
  },
];

await report({
  'messages plain': () => messages.create(base),
  'messages stream': async () => collect(await messages.create({ ...base, stream: true })),
  'messages stream helper': () => messages.stream(base).finalMessage(),
  'messages system': () => messages.create({ ...base, system: 'You are brief.' }),
  'messages blocks': () =>
    messages.create({
      ...base,
      messages: [{ role: 'user', content: [{ type: 'text', text: question }] }],
    }),
  'messages tools': () => messages.create({ ...base, messages: ask(weatherQuestion), tools }),
  'messages tools streamed': async () =>
    collect(
      await messages.create({ ...base, messages: ask(weatherQuestion), tools, stream: true }),
    ),
  'messages tool result': () =>
    messages.create({
      ...base,
      tools,
      messages: [
        ...ask(weatherQuestion),
        {
          role: 'assistant',
          content: [
            { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Paris' } },
          ],
        },
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: '{"sky": "clear"}' }],
        },
      ],
    }),
  'messages stop_sequences': () =>
    messages.create({ ...base, messages: ask(countTo20), stop_sequences: ['5'] }),
  'messages unicode': () => messages.create({ ...base, messages: ask(unicode) }),
  'messages prompt too long': () => messages.create({ ...base, messages: ask(tooLongPrompt) }),
  'messages unknown model': () => messages.create({ ...base, model: 'no/such-model' }),
  'messages without messages': () => messages.create({ ...base, messages: [] }),
  'messages count_tokens': () =>
    messages.countTokens({ model: target.chat.model, messages: ask(question) }),
  'messages count_tokens with tools': () =>
    messages.countTokens({ model: target.chat.model, messages: ask(question), tools }),
  'messages stream aborted': async () => {
    const stream = await messages.create({ ...base, messages: ask(countTo20), stream: true });
    let seen = 0;
    for await (const _ of stream) {
      seen++;
      if (seen === 3) break;
    }
    return { seen, after: (await messages.create(base)).content };
  },
});
