/** No client library: the bytes of an answer as they come, status and content type with them. */
import { report, target } from './checks.ts';
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

const { chat, embed, rerank } = target;
const ask = (content: string) => [{ role: 'user', content }];
const base = { model: chat.model, temperature: 0, max_tokens: 60, messages: ask(question) };
const tools = [
  { type: 'function', function: { name: 'get_weather', parameters: weatherParameters } },
];

/** POSTs a body, as JSON unless it is text already, and gives what came back. */
async function post(path: string, body: unknown, url = chat.url, type = 'application/json') {
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return seen(answer);
}

async function seen(answer: Response) {
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    body: await answer.text(),
  };
}

async function upload(path: string, fields: Record<string, string>, file: string) {
  const form = new FormData();
  form.append('file', new Blob([Buffer.alloc(100_000, 7)]), file);
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return seen(await fetch(chat.url + path, { method: 'POST', body: form }));
}

const completions = '/v1/chat/completions';
const text = (value: object) => JSON.stringify(value);

await report({
  'chat plain': () => post(completions, base),
  'chat stream': () => post(completions, { ...base, stream: true }),
  'chat stream with usage': () =>
    post(completions, { ...base, stream: true, stream_options: { include_usage: true } }),
  'chat stream of many tokens': () =>
    post(completions, { ...base, messages: ask(countTo20), max_tokens: 200, stream: true }),
  'chat stream of tools': () =>
    post(completions, { ...base, messages: ask(weatherQuestion), tools, stream: true }),
  'chat stream of JSON': () =>
    post(completions, {
      ...base,
      messages: ask(personQuestion),
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'person', strict: true, schema: personSchema },
      },
      stream: true,
    }),
  'chat stream of two choices': () => post(completions, { ...base, n: 2, stream: true }),
  'chat unicode': () => post(completions, { ...base, messages: ask(unicode) }),
  'chat escaped key': () => post(completions, text(base).replace('"model"', '"mod\\u0065l"')),
  'chat key order, spaces and a duplicate': () =>
    post(
      completions,
      `{ "messages" : ${text(base.messages)} ,\n "temperature":0,"model":"no/such",  "max_tokens":8, "model" : "${chat.model}" }`,
    ),
  'chat long prompt': () => post(completions, { ...base, messages: ask(longPrompt) }),
  'chat prompt too long': () => post(completions, { ...base, messages: ask(tooLongPrompt) }),
  'chat prompt too long, streamed': () =>
    post(completions, { ...base, messages: ask(tooLongPrompt), stream: true }),
  'chat messages of a wrong type': () => post(completions, { ...base, messages: 'hello' }),
  'chat without messages': () => post(completions, { model: chat.model }),
  'chat bad JSON': () => post(completions, '{"model": '),
  'chat empty body': () => post(completions, ''),
  'chat an array': () => post(completions, '[]'),
  'chat without model': () => post(completions, { messages: ask(question), temperature: 0 }),
  'chat model of a wrong type': () => post(completions, { ...base, model: 7 }),
  'chat unknown model': () => post(completions, { ...base, model: 'no/such-model' }),
  'chat text/plain': () => post(completions, base, chat.url, 'text/plain'),
  'chat by GET': async () => seen(await fetch(chat.url + completions)),
  'completions plain': () =>
    post('/v1/completions', {
      model: chat.model,
      prompt: 'The sea',
      temperature: 0,
      max_tokens: 8,
    }),
  'completions stream': () =>
    post('/v1/completions', {
      model: chat.model,
      prompt: 'The sea',
      temperature: 0,
      max_tokens: 8,
      stream: true,
    }),
  'responses plain': () =>
    post('/v1/responses', { model: chat.model, input: question, temperature: 0 }),
  'responses stream': () =>
    post('/v1/responses', { model: chat.model, input: question, temperature: 0, stream: true }),
  'messages plain': () => post('/v1/messages', base),
  'messages stream': () => post('/v1/messages', { ...base, stream: true }),
  'messages bad JSON': () => post('/v1/messages', '{"model": '),
  'messages without max_tokens': () =>
    post('/v1/messages', { model: chat.model, messages: ask(question), temperature: 0 }),
  'messages count_tokens': () =>
    post('/v1/messages/count_tokens', { model: chat.model, messages: ask(question) }),
  tokenize: () => post('/tokenize', { model: chat.model, content: 'The sea', prompt: 'The sea' }),
  detokenize: () => post('/detokenize', { model: chat.model, tokens: [5, 6, 7] }),
  'audio transcription': () =>
    upload('/v1/audio/transcriptions', { model: chat.model }, 'sound.wav'),
  'audio speech': () =>
    post('/v1/audio/speech', { model: chat.model, input: 'Hello', voice: 'alloy' }),
  'images generation': () =>
    post('/v1/images/generations', { model: chat.model, prompt: 'A boat' }),
  'unknown path': () => post('/v1/no/such/path', base),
  ...(embed && {
    embeddings: () =>
      post('/v1/embeddings', { model: embed.model, input: ['The sea', unicode] }, embed.url),
    'embeddings without input': () => post('/v1/embeddings', { model: embed.model }, embed.url),
  }),
  ...(rerank && {
    rerank: () =>
      post(
        '/v1/rerank',
        { model: rerank.model, query: 'sea', documents: ['The sea', 'A boat'] },
        rerank.url,
      ),
    'rerank without documents': () =>
      post('/v1/rerank', { model: rerank.model, query: 'sea' }, rerank.url),
  }),
});
