import OpenAI from 'openai';
import { beforeAll, expect, test } from 'vitest';
import { conditionOf, type ModelDeploymentObject, skiff } from '../support/models.ts';
import { useContext } from './context.ts';
import { runPython } from './python.ts';

const context = useContext('e2e-chat');
const question = [{ role: 'user' as const, content: 'Who are you?' }];
const answer = 'I am Skiff, a tiny language model served by Fairlead.';

beforeAll(async () => {
  await context.kubectl.apply(
    skiff('skiff'),
    skiff('embedder', {
      servedName: 'fairlead/skiff-embed',
      engine: { type: 'LlamaCpp', features: ['Embeddings'] },
    }),
  );
  await context.kubectl.waitFor('mdep/skiff', 'condition=Ready');
  await context.kubectl.waitFor('mdep/embedder', 'condition=Ready');
});

test('an applied ModelDeployment becomes Ready and says where it is served', async () => {
  const object = await context.kubectl.getJson<ModelDeploymentObject>('mdep', 'skiff');
  expect(object.status?.observedGeneration).toBe(object.metadata.generation);
  expect(object.status?.url).toBe('http://fairlead-router.fairlead.svc/v1');
  for (const type of ['Accepted', 'Scheduled', 'Available', 'Ready']) {
    expect(conditionOf(object, type), type).toMatchObject({
      status: 'True',
      observedGeneration: object.metadata.generation,
    });
  }
});

test('openai-node gets a plain answer with usage', async () => {
  const completion = await context
    .openai()
    .chat.completions.create({ model: 'skiff', messages: question, temperature: 0 });
  expect(completion.choices[0]?.message.content).toBe(answer);
  expect(completion.usage?.completion_tokens).toBeGreaterThan(0);
});

test('openai-node gets the same answer as a stream of chunks', async () => {
  const stream = await context
    .openai()
    .chat.completions.create({ model: 'skiff', messages: question, temperature: 0, stream: true });
  const pieces: string[] = [];
  for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta.content ?? '');
  expect(pieces.join('')).toBe(answer);
  expect(pieces.filter((piece) => piece !== '').length).toBeGreaterThan(3);
});

test('the bytes of a stream are the engine’s own events, ended by [DONE]', async () => {
  const response = await fetch(`${context.baseUrl()}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'skiff', messages: question, temperature: 0, stream: true }),
  });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  expect(response.headers.get('x-request-id')).toBeTruthy();
  const events = (await response.text()).split('\n\n').filter((event) => event !== '');
  expect(events.at(-1)).toBe('data: [DONE]');
  for (const event of events.slice(0, -1)) expect(event).toMatch(/^data: \{.*\}$/);
});

test('text completions work', async () => {
  const completion = await context
    .openai()
    .completions.create({ model: 'skiff', prompt: 'I am', max_tokens: 8, temperature: 0 });
  expect(completion.choices[0]?.text.length).toBeGreaterThan(0);
});

test('a tool call comes back with the arguments the model chose', async () => {
  const completion = await context.openai().chat.completions.create({
    model: 'skiff',
    messages: [{ role: 'user', content: 'What is the weather in Paris?' }],
    temperature: 0,
    tools: [
      {
        type: 'function',
        function: {
          name: 'get_weather',
          description: 'get weather',
          parameters: {
            type: 'object',
            properties: { city: { type: 'string' } },
            required: ['city'],
          },
        },
      },
    ],
  });
  const call = completion.choices[0]?.message.tool_calls?.[0];
  expect(completion.choices[0]?.finish_reason).toBe('tool_calls');
  if (call?.type !== 'function') throw new Error('the model made no function call');
  expect(call.function.name).toBe('get_weather');
  expect(JSON.parse(call.function.arguments)).toEqual({ city: 'Paris' });
});

test('json_schema constrains the answer', async () => {
  const completion = await context.openai().chat.completions.create({
    model: 'skiff',
    messages: [{ role: 'user', content: 'Give me a person as JSON with name and age.' }],
    temperature: 0,
    max_tokens: 400,
    response_format: {
      type: 'json_schema',
      json_schema: {
        name: 'person',
        strict: true,
        schema: {
          type: 'object',
          properties: { name: { type: 'string' }, age: { type: 'integer' } },
          required: ['name', 'age'],
          additionalProperties: false,
        },
      },
    },
  });
  const person = JSON.parse(completion.choices[0]?.message.content ?? '') as unknown;
  expect(person).toEqual({ name: expect.any(String), age: expect.any(Number) });
});

test('embeddings come from the model that offers them, under a name with a slash', async () => {
  const reply = await context
    .openai()
    .embeddings.create({ model: 'fairlead/skiff-embed', input: ['a boat', 'a whale'] });
  expect(reply.data.map((entry) => entry.index)).toEqual([0, 1]);
  expect(reply.data[0]?.embedding.length).toBeGreaterThan(1);
  expect(reply.data[0]?.embedding).not.toEqual(reply.data[1]?.embedding);
});

test('a call to a feature the model does not offer is refused before it reaches a pod', async () => {
  const refused = context.openai().embeddings.create({ model: 'skiff', input: 'a boat' });
  await expect(refused).rejects.toThrow(OpenAI.BadRequestError);
  await expect(refused).rejects.toThrow(/embeddings/i);
});

test('the models list and one model’s card, also for a name with a slash', async () => {
  const ids: string[] = [];
  for await (const card of context.openai().models.list()) ids.push(card.id);
  expect(ids.sort()).toEqual(['fairlead/skiff-embed', 'skiff']);
  const card = await context.openai().models.retrieve('fairlead/skiff-embed');
  expect(card).toMatchObject({ id: 'fairlead/skiff-embed', object: 'model' });
});

test('an unknown model is a 404 in OpenAI’s shape that names the nearest one', async () => {
  const error = await context
    .openai()
    .chat.completions.create({ model: 'skif', messages: question })
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  if (!(error instanceof OpenAI.NotFoundError)) throw new Error(`not a 404: ${error}`);
  expect(error.error).toEqual({
    message: expect.stringContaining('skiff'),
    type: 'invalid_request_error',
    param: 'model',
    code: 'model_not_found',
  });
});

test('openai-python gets the same answers, plain and streamed', async () => {
  const result = await runPython<{
    models: string[];
    plain: string;
    streamed: string;
    chunks: number;
    usage_tokens: number;
    unknown: object;
  }>('chat.py', ['skiff', 'Who are you?'], {
    OPENAI_BASE_URL: context.baseUrl(),
    OPENAI_API_KEY: 'none',
  });
  expect(result).toMatchObject({ plain: answer, streamed: answer });
  expect(result.models).toContain('skiff');
  expect(result.chunks).toBeGreaterThan(3);
  expect(result.usage_tokens).toBeGreaterThan(0);
  expect(result.unknown).toEqual({ status: 404, code: 'model_not_found', param: 'model' });
});
