import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { conditionOf, type ModelDeploymentObject, skiff } from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { systemNamespace, useContext } from './context.ts';
import { startTraffic } from './traffic.ts';

const patienceMs = 180_000;
const context = useContext('e2e-canary');
const { kubectl } = context;
const name = 'canary';

interface CanaryObject extends ModelDeploymentObject {
  status: NonNullable<ModelDeploymentObject['status']> & {
    currentRevision: string;
    updateRevision: string;
    capabilities?: { revision: string } & Record<string, unknown>;
    canary?: { phase: string; step: number; weight: number; revision: string; message: string };
  };
}

/** Steps of a moment. What a busy machine makes slow is not held against the new revision. */
const canary = {
  steps: [
    { weight: 30, pause: '1s' },
    { weight: 70, pause: '1s' },
  ],
  gates: { requests: 3, ttftPercent: 10_000, tpotPercent: 10_000 },
};
const spec = (engine: object, gated: object = canary) => ({
  replicas: 2,
  accelerator: undefined,
  resources: { requests: { cpu: '50m' }, limits: { cpu: '300m' } },
  rollout: { canary: gated, drainTimeout: '30s' },
  engine,
});
const good = (round: number) => ({
  type: 'LlamaCpp',
  env: [{ name: 'ROUND', value: String(round) }],
});

/** An engine of this folder's, for faults. */
async function standIn(file: string) {
  const image = await kubectl.run([
    ...['get', 'deployment', 'fairlead-operator', '--namespace', systemNamespace],
    ...['-o', 'jsonpath={.spec.template.spec.containers[0].image}'],
  ]);
  const script = await readFile(join(import.meta.dirname, file), 'utf8');
  return { type: 'Custom', image, command: ['node', '--input-type=module', '--eval', script] };
}

const object = () => kubectl.getJson<CanaryObject>('mdep', name);
const until = (what: string, isSo: (of: CanaryObject) => boolean) =>
  waitUntil(
    what,
    async () => {
      const now = await object();
      return isSo(now) ? now : undefined;
    },
    patienceMs,
  ).catch(async (error: Error) => {
    throw new Error(JSON.stringify((await object()).status), { cause: error });
  });
const isReady = (of: CanaryObject) =>
  of.status?.observedGeneration === of.metadata.generation &&
  conditionOf(of, 'Ready')?.status === 'True';

/** Clients ask all the while, and every answer of theirs is whole. */
async function whileAsked<T>(doing: () => Promise<T>, clients = 3): Promise<T> {
  const traffic = startTraffic(context.openai(), { model: name, clients, tokens: 20 });
  try {
    return await doing();
  } finally {
    await traffic.stop();
    expect(traffic.log.filter(({ outcome }) => outcome !== 'whole')).toEqual([]);
  }
}

beforeAll(async () => {
  await kubectl.apply(skiff(name, spec(good(0))));
  await until('it serves', isReady);
});

test('the probe finds what a real llama-server can do, and the card of the model tells it', async () => {
  const { status } = await until('it was tried', (of) => of.status.capabilities !== undefined);
  const { revision, ...found } = status.capabilities ?? { revision: '' };
  expect(revision).toBe(status.currentRevision);
  expect(found).toEqual({
    // Its template has no tools: it takes them, and cannot be made to call one.
    ...{ chat: true, stream: true, streamUsage: true, tools: true, requiredTools: false },
    ...{ jsonSchema: true, logprobs: true, responses: true, messages: true, completions: true },
  });
  const card = await waitUntil('the router has heard of it', async () => {
    const answer = await fetch(`${context.baseUrl()}/models/${name}`);
    const { fairlead } = (await answer.json()) as { fairlead: { capabilities?: object } };
    return fairlead.capabilities;
  });
  expect(card).toEqual(found);
});

test('a good canary is given more and more, and takes the place of the old revision', {
  timeout: 2 * patienceMs,
}, async () => {
  const before = (await object()).status.currentRevision;
  await whileAsked(async () => {
    await kubectl.apply(skiff(name, spec(good(1))));
    const { status } = await until(
      'the canary has passed',
      (of) => of.status.canary?.phase === 'Promoted',
    );
    expect(status.canary?.message).toMatch(/has passed every step and replaces revision/);
    const after = await until('all replicas are of it', isReady);
    expect(after.status.currentRevision).not.toBe(before);
    expect(after.status.currentRevision).toBe(after.status.canary?.revision);
  });
  const events = await kubectl.run(['events', '--for', `mdep/${name}`]);
  expect(events).toMatch(/CanaryStep .*gets 30 % of the requests/);
  expect(events).toMatch(/CanaryStep .*gets 70 % of the requests/);
  expect(events).toMatch(/CanaryPromoted/);
});

test('a bad canary goes back by itself, and no client has noticed', {
  timeout: 2 * patienceMs,
}, async () => {
  const stable = (await object()).status.currentRevision;
  const failing = await standIn('failing-engine.mjs');
  await whileAsked(async () => {
    await kubectl.apply(skiff(name, spec(failing)));
    const { status } = await until(
      'it was rolled back',
      (of) => of.status.canary?.phase === 'RolledBack',
    );
    expect(status.canary).toMatchObject({ step: 1, weight: 0, revision: status.updateRevision });
    expect(status.canary?.message).toMatch(
      /^Rolled back in step 1 of 2, .* requests failed, 0 of \d+ at/,
    );
    await until('two of the old one serve', (of) => {
      const { readyReplicas, replicas } = of.status;
      return readyReplicas === 2 && replicas === 2;
    });
  });
  const after = await object();
  expect(after.status.currentRevision).toBe(stable);
  expect(conditionOf(after, 'Stalled')).toMatchObject({ status: 'True', reason: 'CanaryFailed' });
  expect(await kubectl.run(['get', 'mdep', name])).toMatch(/ CanaryFailed\s*$/);
  expect(await kubectl.run(['describe', 'mdep', name])).toMatch(/Phase:\s+RolledBack/);

  await kubectl.apply(skiff(name, spec(good(1))));
  const healed = await until('going back heals', isReady);
  expect(healed.status.currentRevision).toBe(stable);
  expect(healed.status.canary).toBeUndefined();
});

test('a canary that answers everything too late goes back by itself', {
  timeout: 2 * patienceMs,
}, async () => {
  const stable = (await object()).status.currentRevision;
  // Only the gate can end the step.
  const slow = {
    steps: [{ weight: 40, pause: '1s' }],
    gates: { requests: 100_000, ttftPercent: 120, tpotPercent: 10_000 },
  };
  const late = await standIn('slow-engine.mjs');
  await whileAsked(async () => {
    await kubectl.apply(skiff(name, spec(late, slow)));
    const { status } = await until(
      'it was rolled back',
      (of) => of.status.canary?.phase === 'RolledBack',
    );
    expect(status.canary?.message).toMatch(
      /^Rolled back in step 1 of 1, at 40 % of the requests: its mean time to the first token is \d+ ms, .* 120 % of that are allowed/,
    );
    // Most of them wait for the late one.
  }, 6);
  const after = await object();
  expect(after.status.currentRevision).toBe(stable);
  expect(conditionOf(after, 'Stalled')).toMatchObject({ status: 'True', reason: 'CanaryFailed' });
});
