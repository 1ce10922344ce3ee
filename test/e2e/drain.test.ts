import OpenAI from 'openai';
import { beforeAll, expect, inject, test } from 'vitest';
import { createKubectl, type Kubectl } from '../support/kubectl.ts';
import { type PodObject, skiff } from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { systemNamespace, useContext } from './context.ts';
import { portForward } from './port-forward.ts';
import { askOnce } from './traffic.ts';

const context = useContext('e2e-drain');
const access = inject('clusterAccess');
const system = createKubectl(access, systemNamespace);
const tokens = 600;

beforeAll(async () => {
  // A fraction of a core makes an answer of seconds out of one of a moment.
  const resources = { requests: { cpu: '50m' }, limits: { cpu: '150m' } };
  await context.kubectl.apply(skiff('slow', { resources }));
  await context.kubectl.waitFor('mdep/slow', 'condition=Ready');
});

/**
 * Streams a long answer and deletes a pod once it has begun. Returns what came after the API server had
 * accepted the deletion, and how the answer ended.
 */
async function streamWhileDeleting(
  openai: OpenAI,
  kubectl: Kubectl,
  podName: string,
): Promise<{ chunksAfterDeletion: number; outputTokens: number; finishReason: string }> {
  const endless = { ignore_eos: true };
  const stream = await openai.chat.completions.create({
    model: 'slow',
    messages: [{ role: 'user', content: 'Tell me a long story.' }],
    max_tokens: tokens,
    stream: true,
    stream_options: { include_usage: true },
    ...endless,
  });
  let deletion: Promise<unknown> | undefined;
  let isDeleted = false;
  let chunksAfterDeletion = 0;
  let outputTokens = 0;
  let finishReason = '';
  for await (const chunk of stream) {
    deletion ??= kubectl.run(['delete', 'pod', podName, '--wait=false']).then(() => {
      isDeleted = true;
    });
    if (isDeleted) chunksAfterDeletion++;
    finishReason = chunk.choices[0]?.finish_reason ?? finishReason;
    outputTokens = chunk.usage?.completion_tokens ?? outputTokens;
  }
  await deletion;
  return { chunksAfterDeletion, outputTokens, finishReason };
}

async function podsOf(kubectl: Kubectl, selector: string): Promise<PodObject[]> {
  return (await kubectl.getJson<{ items: PodObject[] }>('pods', '-l', selector)).items;
}

test('a stream in flight is finished when its engine’s pod is deleted', async () => {
  const [pod] = await podsOf(context.kubectl, 'fairlead.dev/model-deployment=slow');
  const end = await streamWhileDeleting(context.openai(), context.kubectl, pod!.metadata.name);
  expect(end).toMatchObject({ outputTokens: tokens, finishReason: 'length' });
  expect(end.chunksAfterDeletion).toBeGreaterThan(10);
});

const servedAgain = () =>
  waitUntil('the model is served again', async () => {
    const { status } = await context.kubectl.getJson<{ status: { readyReplicas: number } }>(
      'mdep',
      'slow',
    );
    return status.readyReplicas === 1 ? true : undefined;
  });

test('a replica that is needed again while it drains is kept', async () => {
  const { kubectl } = context;
  const live = async () =>
    (await podsOf(kubectl, 'fairlead.dev/model-deployment=slow')).filter(
      ({ metadata }) => metadata.deletionTimestamp === undefined,
    );
  await servedAgain();
  const [before] = await live();
  // Together they take longer than it takes to change one's mind.
  const streams = await Promise.all(
    [1, 2].map(
      () =>
        new Promise<{ outcome: Promise<string> }>((begun) => {
          const asked = { model: 'slow', tokens: 1_000 };
          const outcome = askOnce(context.openai(), asked, () => begun({ outcome }));
          void outcome.then(() => begun({ outcome }));
        }),
    ),
  );
  await kubectl.run(['scale', 'mdep/slow', '--replicas=0']);
  await waitUntil('it drains', async () => {
    const [pod] = await live();
    return pod?.metadata.annotations?.['fairlead.dev/draining'];
  });
  await kubectl.run(['scale', 'mdep/slow', '--replicas=1']);
  for (const { outcome } of streams) expect(await outcome).toBe('whole');
  await servedAgain();
  expect((await live()).map(({ metadata }) => metadata.uid)).toEqual([before?.metadata.uid]);
  expect(await kubectl.run(['describe', 'mdep', 'slow'])).toMatch(/PodKept/);
});

test('a stream in flight is finished when its router’s pod is deleted', async () => {
  await servedAgain();
  const [router] = await podsOf(system, 'app.kubernetes.io/component=router');
  const { name } = router!.metadata;
  const forward = await portForward(access, systemNamespace, `pod/${name}`, 8080);
  try {
    const baseURL = `${forward.origin}/v1`;
    const openai = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 });
    const end = await streamWhileDeleting(openai, system, name);
    expect(end).toMatchObject({ outputTokens: tokens, finishReason: 'length' });
    expect(end.chunksAfterDeletion).toBeGreaterThan(10);
  } finally {
    await forward.stop();
  }
});
