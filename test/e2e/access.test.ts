import { createHash, randomBytes } from 'node:crypto';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createKubectl, type Kubectl } from '../support/kubectl.ts';
import { type Condition, skiff } from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { systemNamespace, useContext } from './context.ts';

const context = useContext('e2e-access');
const model = 'e2e-access/skiff';
const key = `sk-${randomBytes(24).toString('hex')}`;
const messages = [{ role: 'user' as const, content: 'Who are you?' }];
const answer = 'I am Skiff, a tiny language model served by Fairlead.';
/** Where keys are, and where ExternalModels are served (setup.ts). */
let system: Kubectl;

beforeAll(async () => {
  system = createKubectl(inject('clusterAccess'), systemNamespace);
  await context.kubectl.apply(skiff('skiff', { servedName: model }));
  await context.kubectl.waitFor('mdep/skiff', 'condition=Ready');
});

afterAll(async () => {
  await system.run(['delete', 'secret', 'e2e-key', 'e2e-vendor', '--ignore-not-found']);
  await system.run(['delete', 'externalmodel', 'e2e-outside', '--ignore-not-found']);
  await waitUntil('the door is open for the other tests', async () =>
    (await status('none')) === 200 ? true : undefined,
  );
});

function secret(name: string, kind: string, stringData: Record<string, string>): object {
  const metadata = { name, labels: { 'fairlead.dev/kind': kind } };
  return { apiVersion: 'v1', kind: 'Secret', metadata, stringData };
}

function external(name: string, spec: object): object {
  const apiVersion = 'fairlead.dev/v1alpha1';
  return { apiVersion, kind: 'ExternalModel', metadata: { name }, spec };
}

const client = (apiKey: string) =>
  new OpenAI({ baseURL: context.baseUrl(), apiKey, maxRetries: 0 });

async function ask(apiKey: string, name: string) {
  const asked = { model: name, messages, temperature: 0 };
  return client(apiKey).chat.completions.create(asked).withResponse();
}

/** The HTTP status of a list of models with this key. */
async function status(apiKey: string): Promise<number> {
  const headers = { authorization: `Bearer ${apiKey}` };
  return (await fetch(`${context.baseUrl()}/models`, { headers })).status;
}

const acceptedOf = async (kubectl: Kubectl, name: string): Promise<Condition> =>
  waitUntil(`a condition of ${name}`, async () => {
    const object = await kubectl.getJson<{ status?: { conditions: Condition[] } }>(
      'externalmodel',
      name,
    );
    return object.status?.conditions.find(({ type }) => type === 'Accepted');
  });

test('the first key shuts the door, opens it for its holder, and says what is left', async () => {
  expect(await status('none')).toBe(200);
  const sha256 = createHash('sha256').update(key).digest('hex');
  const policy = JSON.stringify({
    tenant: 'e2e',
    models: [model, 'e2e-outside', 'e2e-front'],
    requestsPerMinute: 1000,
  });
  await system.apply(secret('e2e-key', 'api-key', { sha256, policy }));
  await waitUntil('shut', async () => ((await status('none')) === 401 ? true : undefined));
  await expect(ask('none', model)).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
  const { data, response } = await ask(key, model);
  expect(data.choices[0]?.message.content).toBe(answer);
  expect(response.headers.get('x-ratelimit-limit-requests')).toBe('1000');
});

test('a key sees and asks the models of its policy alone', async () => {
  const names: string[] = [];
  for await (const { id } of client(key).models.list()) names.push(id);
  expect(names).toEqual([model]);
  await expect(ask(key, 'something-else')).rejects.toMatchObject({
    status: 403,
    code: 'model_not_allowed',
  });
});

test('an ExternalModel says what is missing, then serves with its own key', async () => {
  const spec = {
    baseURL: `http://fairlead-router.${systemNamespace}.svc/v1`,
    upstreamModel: model,
    secretName: 'e2e-vendor',
  };
  await system.apply(external('e2e-outside', spec));
  const missing = await acceptedOf(system, 'e2e-outside');
  expect(missing).toMatchObject({ status: 'False', reason: 'SecretNotUsable' });
  expect(missing.message).toContain('there is no Secret "e2e-vendor"');
  await system.apply(secret('e2e-vendor', 'external-model', { key }));
  await system.waitFor('externalmodel/e2e-outside', 'condition=Accepted');
  const { data, response } = await waitUntil('an answer', () => ask(key, 'e2e-outside'));
  expect(data.choices[0]?.message.content).toBe(answer);
  expect(response.headers.get('x-fairlead-model')).toBe('e2e-outside');
});

test('an ExternalModel of another namespace is told that nothing may leave from there', async () => {
  await context.kubectl.apply(external('e2e-elsewhere', { baseURL: 'https://api.example/v1' }));
  const accepted = await acceptedOf(context.kubectl, 'e2e-elsewhere');
  expect(accepted).toMatchObject({ status: 'False', reason: 'NamespaceNotEnabled' });
  expect(accepted.message).toContain('externalModels.namespaces');
});

test('a model that cannot serve is stood in for by its fallback', async () => {
  const routing = { fallbacks: ['e2e-outside'] };
  await context.kubectl.apply(skiff('front', { servedName: 'e2e-front', replicas: 0, routing }));
  const { data, response } = await waitUntil('an answer', () => ask(key, 'e2e-front'));
  expect(data.choices[0]?.message.content).toBe(answer);
  expect(response.headers.get('x-fairlead-model')).toBe('e2e-outside');
});

test('a key is revoked by deleting its Secret', async () => {
  const other = secret('e2e-vendor', 'api-key', { key: `${key}-other` });
  await system.apply(other);
  await system.run(['delete', 'secret', 'e2e-key']);
  await waitUntil('revoked', async () => ((await status(key)) === 401 ? true : undefined));
  expect(await status(`${key}-other`)).toBe(200);
});
