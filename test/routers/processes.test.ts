import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { drainingAnnotation, modelDeploymentLabel } from '../../crds/labels.ts';
import { routingSpec } from '../../crds/modeldeployment/routing.ts';
import { createClient } from '../../kube/client.ts';
import { createReflector } from '../../kube/reflector.ts';
import { type Pod, Pods } from '../../kube/resources.ts';
import { type ScriptedServer, startScriptedServer } from '../../kube/testing/scripted-server.ts';
import { followRouters } from '../../operator/demand/routers.ts';
import { leaseMs } from '../../protocol/demand.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  startUpstream,
} from '../../router/testing/scripted-upstream.ts';
import { waitUntil } from '../support/wait-until.ts';
import { kubeconfigOf, type RouterProcess, startRouterProcess } from './router-process.ts';

const pods = '/api/v1/pods';
const cleanUp: (() => unknown)[] = [];

let api: ScriptedServer;
let engine: ScriptedUpstream;
let one: RouterProcess;
let two: RouterProcess;

beforeEach(async () => {
  api = await startScriptedServer();
  cleanUp.push(() => api.stop());
  engine = await startUpstream();
  cleanUp.push(() => engine.stop());
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-routers-'));
  cleanUp.push(() => rm(folder, { recursive: true }));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, JSON.stringify(kubeconfigOf(api.url)));
  putModel();
  [one, two] = await Promise.all([
    startRouterProcess(kubeconfig, 'one'),
    startRouterProcess(kubeconfig, 'two'),
  ]);
  for (const [name, router] of Object.entries({ one, two })) {
    cleanUp.push(() => router.kill());
    api.state.put(pods, `fairlead/${name}`, {
      metadata: { name, namespace: 'fairlead' },
      spec: {
        containers: [
          { name: 'router', ports: [{ name: 'metrics', containerPort: router.internalPort }] },
        ],
      },
      status: { phase: 'Running', podIP: '127.0.0.1' },
    });
  }
}, 120_000);
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

function putModel(): void {
  api.state.put('/apis/fairlead.dev/v1alpha1/modeldeployments', 'default/m', {
    metadata: { name: 'm', namespace: 'default' },
    spec: {
      engine: { type: 'LlamaCpp', features: ['Chat'] },
      replicas: 1,
      routing: routingSpec.parse({}),
    },
    status: { conditions: [] },
  });
}

/** Puts the model's pod, ready; tells its uid. */
function putEngine(annotations: Record<string, string> = {}): string {
  const { metadata } = api.state.put(pods, 'default/m-0', {
    metadata: {
      ...{ name: 'm-0', namespace: 'default', annotations },
      labels: { [modelDeploymentLabel]: 'm' },
    },
    spec: {
      containers: [{ name: 'engine', ports: [{ name: 'http', containerPort: engine.port }] }],
    },
    status: {
      phase: 'Running',
      podIP: '127.0.0.1',
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  });
  return metadata.uid;
}

/** The operator's view of the routers, on a clock of its own. */
async function operator() {
  const client = createClient(api.config);
  const routers = createReflector<Pod>({ client, type: Pods, namespace: 'fairlead' });
  const clock = { nowMs: 0 };
  const demand = followRouters({ routers, nowMs: () => clock.nowMs });
  routers.start();
  cleanUp.push(async () => {
    await demand.stop();
    await routers.stop();
    await client.close();
  });
  const loaded = () => demand.loadOf('default/m');
  return { clock, demand, loaded };
}

const ask = ({ address }: RouterProcess) =>
  fetch(`${address}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'm', stream: true }),
  });

test('a drain waits for every router’s last request, and for a hung one no longer than its lease', async () => {
  const uid = putEngine();
  const { clock, demand } = await operator();
  engine.answer = beginStream;
  const answers = await Promise.all([ask(one), ask(two)]);
  await waitUntil('both have a request there', () => demand.inFlight(uid) === 2 || undefined);

  two.signal('SIGSTOP');
  putEngine({ [drainingAnnotation]: '2026-01-01T00:00:00Z' });
  for (const { socket } of engine.requests) socket.write(chunk('data: [DONE]\n\n'));
  for (const { socket } of engine.requests) socket.write(chunk(''));
  await waitUntil('the one that runs is done', () => demand.inFlight(uid) === 1 || undefined);
  expect(await answers[0].text()).toContain('[DONE]');
  // This clock moves only here, so that it is the lease alone that ends the wait.
  clock.nowMs = leaseMs - 1;
  expect(demand.isDrained(uid)).toBe(false);
  clock.nowMs = leaseMs;
  expect(demand.isDrained(uid)).toBe(true);

  two.signal('SIGCONT');
  expect(await answers[1].text()).toContain('[DONE]');
}, 180_000);

test('what one router holds outlives the other’s death and a new reader finds it', async () => {
  const before = await operator();
  engine.answer = (request) => {
    beginStream(request);
    request.socket.write(chunk('data: [DONE]\n\n'));
    request.socket.write(chunk(''));
  };
  const [kept, lost] = [ask(one), ask(two).catch(() => undefined)];
  await waitUntil('both are held', () => before.loaded().held === 2 || undefined);
  await before.demand.stop();
  await two.kill();
  api.state.remove(pods, 'fairlead/two');
  const after = await operator();
  await waitUntil('the one is found', () => after.loaded().held === 1 || undefined);
  putEngine();
  expect(await (await kept).text()).toContain('[DONE]');
  await lost;
}, 180_000);
