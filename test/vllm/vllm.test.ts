import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findVllm } from '../../hack/vllm/install.ts';
import { type PortForward, portForward } from '../e2e/port-forward.ts';
import { useCluster } from '../operator/cluster.ts';
import { type OperatorProcess, startOperator } from '../operator/operator-process.ts';
import { waitUntil } from '../support/wait-until.ts';
import { writeAdapter } from './adapter.ts';

const vllm = await findVllm();
if (!vllm) console.error('The tests with a real vLLM are left out. To include them: make vllm');

const models = join(import.meta.dirname, '../models');

/** A real vLLM on the processor, in a pod that the operator makes; its packages lie on the machine. */
describe.skipIf(!vllm)('vLLM as a pod', () => {
  const cluster = useCluster('vllm', ['vllm']);
  const engine = {
    type: 'vLLM',
    contextLength: 1024,
    maxConcurrency: 8,
    // bfloat16 would take instructions that die in some virtual machines.
    args: ['--enforce-eager', '--dtype', 'float32'],
    env: [{ name: 'VLLM_CPU_KVCACHE_SPACE', value: '1' }],
  };
  const mount = { name: 'vllm', mountPath: '/opt/vllm', readOnly: true };
  const podTemplate = {
    spec: {
      volumes: [{ name: 'vllm', hostPath: { path: vllm?.sitePackages } }],
      containers: [{ name: 'engine', volumeMounts: [mount] }],
    },
  };
  const apply = (name: string, args: string[], rest: object = {}) =>
    cluster.kubectl().apply({
      apiVersion: 'fairlead.dev/v1alpha1',
      kind: 'ModelDeployment',
      metadata: { name },
      spec: {
        servedName: `org/${name}`,
        source: { uri: `hostpath://${models}/skiff/tiny-chat-hf` },
        engine: { ...engine, args },
        podTemplate,
        ...rest,
      },
    });
  const readiness = async (name: string) =>
    (await cluster.model(name)).status?.conditions.find(({ type }) => type === 'Ready');

  let operator: OperatorProcess;
  let pod: PortForward;
  let podName = '';
  beforeAll(async () => {
    const adapter = await writeAdapter();
    operator = await startOperator(cluster.kubeconfigPath(), {
      FAIRLEAD_CPU_ENGINE_IMAGES: JSON.stringify({ vLLM: cluster.image('vllm') }),
      FAIRLEAD_HOST_PATHS: [models, vllm?.sitePackages, adapter].join(','),
    });
    await apply('real', engine.args, {
      adapters: [{ name: 'other', source: { uri: `hostpath://${adapter}` } }],
    });
    let last: Awaited<ReturnType<typeof readiness>>;
    const becomesReady = waitUntil(
      'vLLM is ready',
      async () => {
        last = await readiness('real');
        return last?.status === 'True' ? true : undefined;
      },
      400_000,
    );
    await becomesReady.catch((error: Error) => {
      throw new Error(JSON.stringify(last), { cause: error });
    });
    podName = (await cluster.pods('real'))[0]!.metadata.name;
    pod = await portForward(cluster.access(), 'default', `pod/${podName}`, 8000);
  });
  afterAll(async () => {
    await pod?.stop();
    await operator?.stop();
  });

  const post = async (path: string, body: object) => {
    const response = await fetch(`${pod.origin}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'org/real', temperature: 0, ...body }),
    });
    expect(response.status).toBe(200);
    return response.text();
  };
  const chat = { messages: [{ role: 'user', content: 'Who are you?' }], max_tokens: 16 };
  const metrics = async () => (await fetch(`${pod.origin}/metrics`)).text();

  test('it answers by its served name', async () => {
    const answer = JSON.parse(await post('/v1/chat/completions', chat));
    expect(answer).toMatchObject({ model: 'org/real' });
    expect(answer.usage.completion_tokens).toBeGreaterThan(0);
  });

  test('an adapter answers by its name, and otherwise than the model', async () => {
    const content = async (model: string) => {
      const answer = JSON.parse(await post('/v1/chat/completions', { ...chat, model }));
      expect(answer.model).toBe(model);
      return answer.choices[0].message.content;
    };
    expect(await content('org/real:other')).not.toBe(await content('org/real'));
  });

  test('it streams with usage', async () => {
    const streaming = { ...chat, stream: true, stream_options: { include_usage: true } };
    expect(await post('/v1/chat/completions', streaming)).toMatch(
      /"completion_tokens":\s?\d+.*data: \[DONE\]\s*$/s,
    );
  });

  test('it counts requests under the names that the drain reads', async () => {
    expect(await metrics()).toMatch(/^vllm:num_requests_running\{.*\} \d+\.0$/m);
    expect(await metrics()).toMatch(/^vllm:num_requests_waiting\{.*\} \d+\.0$/m);
  });

  test('a flag that it does not know is told in its own words', { timeout: 350_000 }, async () => {
    await apply('wrong', ['--nonsense']);
    const message = await waitUntil(
      'the status says why',
      async () => {
        const ready = await readiness('wrong');
        return ready?.reason === 'EngineCrashed' ? ready.message : undefined;
      },
      300_000,
    );
    expect(message).toMatch(/unrecognized arguments: --nonsense/);
    await cluster.kubectl().run(['delete', 'mdep', 'wrong', '--wait=false']);
  });

  test('a pod that is deleted lets a running request end', { timeout: 300_000 }, async () => {
    const asked = { prompt: 'one', max_tokens: 300, min_tokens: 300 };
    const answer = post('/v1/completions', asked);
    await waitUntil('the request runs', async () =>
      /^vllm:num_requests_running\{.*\} 1\.0$/m.test(await metrics()) ? true : undefined,
    );
    await cluster.kubectl().run(['delete', 'pod', podName, '--wait=false']);
    expect(JSON.parse(await answer).usage.completion_tokens).toBe(300);
    await waitUntil(
      'the pod is gone',
      async () =>
        (await cluster.pods('real')).some(({ metadata }) => metadata.name === podName)
          ? undefined
          : true,
      100_000,
    );
  });
});
