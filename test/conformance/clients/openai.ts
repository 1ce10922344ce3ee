/** The official openai package: `node openai.ts TARGET openai-6|openai-7`. */
import { collect, report, target } from './checks.ts';
import {
  countTo20,
  longPrompt,
  personQuestion,
  personSchema,
  question,
  tooLongPrompt,
  unicode,
  weatherParameters,
  weatherQuestion,
} from './prompts.ts';

const { default: OpenAI } = (await import(process.argv[3] ?? '')) as typeof import('openai-7');

const clientOf = (url: string) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0, timeout: 50_000 });
const client = clientOf(target.chat.url);
const { model } = target.chat;
const { chat, completions, responses } = client;
const ask = (content: string) => [{ role: 'user' as const, content }];
const base = { model, temperature: 0, max_tokens: 60, messages: ask(question) };
const weather = {
  type: 'function' as const,
  function: { name: 'get_weather', description: 'Weather', parameters: weatherParameters },
};
const person = {
  type: 'json_schema' as const,
  json_schema: { name: 'person', strict: true, schema: personSchema },
};

await report({
  'models.list': async () =>
    (await collect(client.models.list())).some(
      ({ id, object }) => id === model && object === 'model',
    ),
  'models.retrieve': async () => {
    const { id, object } = await client.models.retrieve(model);
    return { id, object };
  },
  'models.retrieve unknown': () => client.models.retrieve('no/such-model'),

  'chat plain': () => chat.completions.create(base),
  'chat headers': async () => {
    const { response } = await chat.completions.create(base).withResponse();
    return { status: response.status, type: response.headers.get('content-type') };
  },
  'chat stream': async () => collect(await chat.completions.create({ ...base, stream: true })),
  'chat stream with usage': async () =>
    collect(
      await chat.completions.create({
        ...base,
        stream: true,
        stream_options: { include_usage: true },
      }),
    ),
  'chat stream helper': async () => {
    const runner = chat.completions.stream({ ...base, messages: ask(countTo20) });
    return { final: await runner.finalChatCompletion() };
  },
  'chat system and history': () =>
    chat.completions.create({
      ...base,
      messages: [
        { role: 'system', content: 'You are brief.' },
        ...ask('Hello'),
        { role: 'assistant', content: 'Hello! How can I help you?' },
        ...ask(question),
      ],
    }),
  'chat content parts': () =>
    chat.completions.create({
      ...base,
      messages: [{ role: 'user', content: [{ type: 'text', text: question }] }],
    }),
  'chat tools': () =>
    chat.completions.create({ ...base, messages: ask(weatherQuestion), tools: [weather] }),
  'chat tools streamed': async () =>
    collect(
      await chat.completions.create({
        ...base,
        messages: ask(weatherQuestion),
        tools: [weather],
        stream: true,
      }),
    ),
  'chat tool_choice required': () =>
    chat.completions.create({
      ...base,
      messages: ask(weatherQuestion),
      tools: [weather],
      tool_choice: 'required',
    }),
  'chat tool_choice named': () =>
    chat.completions.create({
      ...base,
      messages: ask(weatherQuestion),
      tools: [weather],
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
    }),
  'chat tool_choice none': () =>
    chat.completions.create({
      ...base,
      messages: ask(weatherQuestion),
      tools: [weather],
      tool_choice: 'none',
    }),
  'chat tool result': () =>
    chat.completions.create({
      ...base,
      tools: [weather],
      messages: [
        ...ask(weatherQuestion),
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            {
              id: 'call_1',
              type: 'function',
              function: { name: 'get_weather', arguments: '{"city":"Paris"}' },
            },
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: '{"temperature_c": 21, "sky": "clear"}' },
      ],
    }),
  'chat json_schema': () =>
    chat.completions.create({ ...base, messages: ask(personQuestion), response_format: person }),
  'chat json_schema streamed': async () =>
    collect(
      await chat.completions.create({
        ...base,
        messages: ask(personQuestion),
        response_format: person,
        stream: true,
      }),
    ),
  'chat json_object': () =>
    chat.completions.create({
      ...base,
      messages: ask(personQuestion),
      response_format: { type: 'json_object' },
    }),
  'chat logprobs': () => chat.completions.create({ ...base, logprobs: true, top_logprobs: 2 }),
  'chat logprobs streamed': async () =>
    collect(await chat.completions.create({ ...base, logprobs: true, stream: true })),
  'chat n=2': () => chat.completions.create({ ...base, n: 2 }),
  'chat stop': () => chat.completions.create({ ...base, messages: ask(countTo20), stop: ['5'] }),
  'chat max_tokens=1': () => chat.completions.create({ ...base, max_tokens: 1 }),
  'chat max_completion_tokens': () =>
    chat.completions.create({
      model,
      temperature: 0,
      max_completion_tokens: 3,
      messages: ask(question),
    }),
  'chat seed': () => chat.completions.create({ ...base, temperature: 0.7, seed: 7 }),
  'chat unicode': () => chat.completions.create({ ...base, messages: ask(unicode) }),
  'chat long prompt': () => chat.completions.create({ ...base, messages: ask(longPrompt) }),
  'chat prompt too long': () => chat.completions.create({ ...base, messages: ask(tooLongPrompt) }),
  'chat without messages': () => chat.completions.create({ ...base, messages: [] }),
  'chat temperature of a wrong type': () =>
    chat.completions.create({ ...base, temperature: 'hot' as unknown as number }),
  'chat n=0': () => chat.completions.create({ ...base, n: 0 }),
  'chat negative max_tokens': () => chat.completions.create({ ...base, max_tokens: -5 }),
  'chat unknown role': () =>
    chat.completions.create({ ...base, messages: [{ role: 'wizard' as 'user', content: 'x' }] }),
  'chat unknown field': () =>
    chat.completions.create({ ...base, ...{ x_unknown: { big: 12_345_678_901 } } }),
  'chat unknown model': () => chat.completions.create({ ...base, model: 'no/such-model' }),
  'chat stream aborted': async () => {
    const stream = await chat.completions.create({
      ...base,
      messages: ask(countTo20),
      stream: true,
    });
    let seen = 0;
    for await (const _ of stream) {
      seen++;
      if (seen === 3) break;
    }
    const after = await chat.completions.create(base);
    return { seen, after: after.choices[0]?.message.content };
  },

  'completions plain': () =>
    completions.create({ model, prompt: 'The sea', temperature: 0, max_tokens: 8 }),
  'completions stream': async () =>
    collect(
      await completions.create({
        model,
        prompt: 'The sea',
        temperature: 0,
        max_tokens: 8,
        stream: true,
      }),
    ),
  'completions several prompts': () =>
    completions.create({ model, prompt: ['The sea', 'A boat'], temperature: 0, max_tokens: 4 }),
  'completions echo and logprobs': () =>
    completions.create({ model, prompt: 'The sea', temperature: 0, max_tokens: 2, logprobs: 1 }),

  'responses plain': () => responses.create({ model, input: question, temperature: 0 }),
  'responses stream': async () =>
    collect(await responses.create({ model, input: question, temperature: 0, stream: true })),
  'responses tools': () =>
    responses.create({
      model,
      input: weatherQuestion,
      temperature: 0,
      tools: [
        { type: 'function', name: 'get_weather', parameters: weatherParameters, strict: true },
      ],
    }),
  'responses json_schema': () =>
    responses.create({
      model,
      input: personQuestion,
      temperature: 0,
      max_output_tokens: 60,
      text: { format: { type: 'json_schema', name: 'person', strict: true, schema: personSchema } },
    }),
  'responses unknown model': () => responses.create({ model: 'no/such-model', input: question }),
  'responses retrieve unknown': () => responses.retrieve('resp_unknown'),

  ...(target.embed ? embeddings(clientOf(target.embed.url), target.embed.model) : {}),
});

function embeddings(embedder: typeof client, model: string) {
  const create = (
    input: string | string[] | number[],
    more: { encoding_format?: 'float' | 'base64'; dimensions?: number } = {},
  ) => embedder.embeddings.create({ model, input, ...more });
  return {
    'embeddings as the client asks': () => create('The sea'),
    'embeddings float': () => create('The sea', { encoding_format: 'float' }),
    'embeddings base64': () => create('The sea', { encoding_format: 'base64' }),
    'embeddings several': () => create(['The sea', 'A boat', unicode]),
    'embeddings of tokens': () => create([5, 6, 7]),
    'embeddings empty input': () => create([]),
    'embeddings unknown model': () =>
      embedder.embeddings.create({ model: 'no/such-model', input: 'x' }),
  };
}
