import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterFaults } from '../../hack/cluster/local/faults.ts';
import { findVllm } from '../../hack/vllm/install.ts';
import { type PortForward, portForward } from '../e2e/port-forward.ts';
import { useCluster } from '../operator/cluster.ts';
import { startHub } from '../operator/hub.ts';
import { type OperatorProcess, startOperator } from '../operator/operator-process.ts';
import { waitUntil } from '../support/wait-until.ts';
import { writeAdapter } from './adapter.ts';
import { expectIndexToFollow } from './kv-events.ts';

const vllm = await findVllm();
if (!vllm) console.error('The tests with a real vLLM are left out. To include them: make vllm');

const models = join(import.meta.dirname, '../models');

/** 2,048 tokens: three of the prompts that are sent. */
const memory = ['--block-size', '32', '--num-gpu-blocks-override', '64'];

/** A real vLLM on the processor, in a pod that the operator makes; its packages lie on the machine. */
describe.skipIf(!vllm)('vLLM as a pod', () => {
  const cluster = useCluster('vllm', ['vllm', 'fairlead']);
  const engine = {
    type: 'vLLM',
    contextLength: 1024,
    maxConcurrency: 8,
    // bfloat16 would take instructions that die in some virtual machines.
    args: ['--enforce-eager', '--dtype', 'float32', ...memory],
    kvEvents: true,
    env: [
      { name: 'VLLM_CPU_KVCACHE_SPACE', value: '1' },
      // There is no compiler in the image, and an engine that looks for one ends.
      { name: 'TORCHDYNAMO_DISABLE', value: '1' },
      // Its prefix cache can be cleared.
      { name: 'VLLM_SERVER_DEV_MODE', value: '1' },
    ],
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

  const adapter = (of: string, model: string) => ({ name: of, source: { uri: `hf://${model}` } });
  /** What routers may ask of a pod, by its annotation. */
  const loadedBy = async (name: string) => {
    const [one] = (await cluster.pods('real')).filter(({ metadata }) => metadata.name === name);
    const text = one?.metadata.annotations?.['fairlead.dev/loaded-adapters'];
    return text === undefined ? undefined : (JSON.parse(text) as { names: string[] }).names;
  };
  const becomesReady = async (name: string) => {
    let last: Awaited<ReturnType<typeof readiness>>;
    const ready = waitUntil(
      'vLLM is ready',
      async () => {
        last = await readiness(name);
        const { metadata, status } = await cluster.model(name);
        const isNow = status?.observedGeneration === metadata.generation;
        return isNow && last?.status === 'True' ? true : undefined;
      },
      400_000,
    );
    await ready.catch((error: Error) => {
      throw new Error(JSON.stringify(last), { cause: error });
    });
  };

  let operator: OperatorProcess;
  let pod: PortForward;
  let podName = '';
  let adapters = '';
  beforeAll(async () => {
    adapters = await mkdtemp(join(tmpdir(), 'fairlead-adapters-'));
    await chmod(adapters, 0o755);
    await writeAdapter(join(adapters, 'org/skiff'));
    // More than the engine has been told to expect.
    await writeAdapter(join(adapters, 'org/other'), 64);
    const hub = await startHub(cluster.kubectl(), cluster.image('fairlead'), adapters);
    const images = JSON.stringify({ vLLM: cluster.image('vllm') });
    const variables = {
      FAIRLEAD_CPU_ENGINE_IMAGES: images,
      FAIRLEAD_HOST_PATHS: [models, vllm?.sitePackages].join(','),
      FAIRLEAD_HUB_ENDPOINT: hub,
      FAIRLEAD_LOADER_IMAGE: cluster.image('fairlead'),
    };
    // Only there it can reach pods.
    const network = (await clusterFaults('vllm')).initPid();
    operator = await startOperator(cluster.kubeconfigPath(), variables, network);
    await apply('real', engine.args, { adapters: [adapter('other', 'org/skiff')] });
    await becomesReady('real');
    podName = (await cluster.pods('real'))[0]!.metadata.name;
    pod = await portForward(cluster.access(), 'default', `pod/${podName}`, 8000);
  });
  afterAll(async () => {
    await pod?.stop();
    await operator?.stop();
    await rm(adapters, { recursive: true, force: true });
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

  test('the probe finds what it can do', { timeout: 350_000 }, async () => {
    const found = await waitUntil(
      'it was tried',
      async () => (await cluster.model('real')).status?.capabilities,
      300_000,
    );
    const { currentRevision } = (await cluster.model('real')).status ?? {};
    expect(found).toEqual({
      revision: currentRevision,
      ...{ chat: true, stream: true, streamUsage: true, jsonSchema: true, logprobs: true },
      // They take --enable-auto-tool-choice and a --tool-call-parser.
      ...{ tools: false, requiredTools: false },
      ...{ responses: true, messages: true, completions: true },
    });
  });

  const served = async () => {
    const { data } = (await (await fetch(`${pod.origin}/v1/models`)).json()) as {
      data: { id: string }[];
    };
    return data.map(({ id }) => id);
  };

  test('adapters come and go while it serves, and one that it refuses is told in its own words', {
    timeout: 300_000,
  }, async () => {
    await apply('real', engine.args, {
      adapters: [
        adapter('other', 'org/skiff'),
        adapter('more', 'org/skiff?revision=v2'),
        adapter('large', 'org/other'),
      ],
    });
    const message = await cluster.condition('real', 'AdaptersReady', 'False', 'AdapterFailed');
    expect(message).toMatch(/^Adapter large: .*LoRA rank 64 .* max_lora_rank 16.*\(replica real-/);
    await waitUntil('the routers may ask for the others', async () =>
      (await loadedBy(podName))?.join() === 'more,other' ? true : undefined,
    );
    expect((await served()).sort()).toEqual(['org/real', 'org/real:more', 'org/real:other']);
    expect((await cluster.model('real')).status?.adapters).toEqual([
      { name: 'other', loadedReplicas: 1 },
      { name: 'more', loadedReplicas: 1 },
      { name: 'large', loadedReplicas: 0 },
    ]);

    await apply('real', engine.args, { adapters: [adapter('more', 'org/skiff?revision=v2')] });
    await becomesReady('real');
    await waitUntil('the others are gone', async () =>
      (await served()).join() === 'org/real,org/real:more' ? true : undefined,
    );
    expect(await loadedBy(podName)).toEqual(['more']);
    expect((await cluster.pods('real')).map(({ metadata }) => metadata.name)).toEqual([podName]);
  });

  test('a router that follows its KV events knows its prefix cache', {
    timeout: 300_000,
  }, async () => {
    const forwarded = (port: number) =>
      portForward(cluster.access(), 'default', `pod/${podName}`, port);
    const forwards = await Promise.all([forwarded(5557), forwarded(5558)]);
    const portOf = ({ origin }: PortForward) => Number(new URL(origin).port);
    const [kvEvents, kvReplay] = forwards.map(portOf) as [number, number];
    try {
      await expectIndexToFollow({ http: portOf(pod), kvEvents, kvReplay }, 'org/real', 3);
    } finally {
      await Promise.all(forwards.map((one) => one.stop()));
    }
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

  test('a pod that is deleted lets a running request end, and its successor has the adapters', {
    timeout: 500_000,
  }, async () => {
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
    await becomesReady('real');
    const [next] = await cluster.pods('real');
    const { adapters: wanted = [] } = (await cluster.model('real')).status ?? {};
    expect(wanted).toHaveLength(1);
    expect(await loadedBy(next!.metadata.name)).toEqual(wanted.map((one) => one.name));
  });
});
