import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { ModelDeployments } from '../../crds/modeldeployment.ts';
import { isReady } from '../../kube/readiness.ts';
import { type Pod, Pods } from '../../kube/resources.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { sharedNowMs } from './api-proxy.ts';
import { type BareHops, scalePath, startBareHops } from './bare-hops.ts';
import { type BenchEngine, startBenchEngine } from './engine.ts';
import { type Plane, startPlane } from './plane.ts';

/** Milliseconds, one value a round. */
export interface Reaction {
  /** From a request for a model at zero, as it is sent, until the scale patch arrives at the API server. */
  wakeMs: number[];
  /** From the watch event that tells that the pod is Ready until the client has the first byte. */
  readyMs: number[];
  /** From the moment in which the engine begins to answer, its pod not Ready yet, until then. */
  probedMs: number[];
  /** From four times the load that the replica is meant for until the scale patch arrives. */
  stepMs: number[];
  /** What bare processes take for the same hops, in turn with the rounds above (bare-hops.ts). */
  bare: { wakeMs: number[]; readyMs: number[] };
  /** What the router's memory grew by while it held so many requests. */
  held: { requests: number; rssBytes: number };
}

/** Models that are woken, one after the other: every second by the kubelet's word, the others by the engine's. */
const rounds = { wake: 150, step: 10 };
/** Nothing is asked before the operator has changed no model for so long. */
const quietMs = 200;
/** And no other model is, before what the operator puts off until a replica has served for two seconds. */
const settledMs = 2_300;
const zero = { autoscaling: { minReplicas: 0, maxReplicas: 4 } };
const target = 2;
const one = {
  autoscaling: { minReplicas: 1, maxReplicas: 8, target: { inFlightPerReplica: target } },
};

/** Measures on a real API server, operator and router; the engine and the kubelet are played. */
export async function measureReaction(say: (line: string) => void): Promise<Reaction> {
  const plane = await startPlane();
  const engine = await startBenchEngine();
  const reaction: Reaction = {
    wakeMs: [],
    readyMs: [],
    probedMs: [],
    stepMs: [],
    bare: { wakeMs: [], readyMs: [] },
    held: { requests: 0, rssBytes: 0 },
  };
  const { kubeconfigPath, proxy } = plane;
  const bare = await startBareHops({ kubeconfigPath, apiUrl: proxy.url, enginePort: engine.port });
  try {
    say('steps');
    for (let round = 0; round < rounds.step; round++)
      reaction.stepMs.push(await step(plane, engine, `step-${round}`));
    // Before there are many models, whose metrics would be most of what the router holds.
    say('a crowd');
    reaction.held = await crowd(plane, engine, 1000);
    say(`making ${rounds.wake} models`);
    await makeModels(plane, engine, rounds.wake);
    say('waking up');
    for (let round = 0; round < rounds.wake; round++) {
      await wake(plane, engine, `wake-${round}`, reaction, round % 2 === 0);
      if (round % 2 === 1) await wakeBare(plane, bare, `bare-${round}`, reaction);
    }
    return reaction;
  } finally {
    bare.stop();
    engine.close();
    await plane.stop();
  }
}

/** Beforehand, and all at once: what the operator does for a new model is none of the reaction. */
async function makeModels(plane: Plane, engine: BenchEngine, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, round) => `wake-${round}`);
  await Promise.all(names.map((name) => plane.apply(name, engine.port, zero)));
  await waitUntil('all are at zero', async () => {
    const { items } = await plane.client.list(ModelDeployments, { namespace: 'default' });
    const atZero = items.filter(({ metadata, status }) => {
      const reasons = status?.conditions.map(({ reason }) => reason);
      return names.includes(metadata.name) && reasons?.includes('ScaledToZero');
    });
    return atZero.length === count ? true : undefined;
  });
  for (const name of names) await untilListed(plane, name);
}

async function wake(
  plane: Plane,
  engine: BenchEngine,
  name: string,
  reaction: Reaction,
  byProbe: boolean,
): Promise<void> {
  await untilQuiet(plane);
  engine.set({ isHealthy: !byProbe });
  const patched = nextScalePatch(plane, name);
  const askedAtMs = sharedNowMs();
  const answered = ask(`${plane.routerUrl}/v1/chat/completions`, name);
  reaction.wakeMs.push((await patched) - askedAtMs);
  const [pod] = await plane.pods(name, 1);
  if (!pod) throw new Error('unreachable: one pod was waited for');
  await untilQuiet(plane);
  if (byProbe) {
    await plane.report(pod, 'running');
    // Long enough for the router to have asked in vain at least once.
    await new Promise((resolve) => setTimeout(resolve, 150 + Math.random() * 100));
    const beganAtMs = sharedNowMs();
    engine.set({ isHealthy: true });
    reaction.probedMs.push((await answered) - beganAtMs);
    await plane.report(pod, 'ready');
  } else {
    const seen = readyEvent(plane, pod);
    await plane.report(pod, 'ready');
    reaction.readyMs.push((await answered) - (await seen));
  }
  await delay(settledMs);
}

/** The same by bare processes: their floor, on the same machine at the same time. */
async function wakeBare(
  plane: Plane,
  { url }: BareHops,
  name: string,
  { bare }: Reaction,
): Promise<void> {
  const pod = await plane.createPod(name);
  await untilQuiet(plane);
  const patched = nextScalePatch(plane, name);
  const askedAtMs = sharedNowMs();
  const answered = ask(`${url}/${name}`, name);
  bare.wakeMs.push((await patched) - askedAtMs);
  await untilQuiet(plane);
  const seen = readyEvent(plane, pod);
  await plane.report(pod, 'ready');
  bare.readyMs.push((await answered) - (await seen));
}

async function step(plane: Plane, engine: BenchEngine, name: string): Promise<number> {
  await plane.apply(name, engine.port, one);
  const [pod] = await plane.pods(name, 1);
  if (!pod) throw new Error('unreachable: one pod was waited for');
  await plane.report(pod, 'ready');
  await untilStatus(plane, name, 'ReplicasReady');
  engine.set({ isBusy: true });
  const url = `${plane.routerUrl}/v1/chat/completions`;
  const patched = nextScalePatch(plane, name);
  const steppedAtMs = sharedNowMs();
  const answers = Array.from({ length: 4 * target }, () => ask(url, name));
  const tookMs = (await patched) - steppedAtMs;
  engine.set({ isBusy: false });
  await Promise.all(answers);
  await plane.remove(name);
  return tookMs;
}

async function crowd(
  plane: Plane,
  engine: BenchEngine,
  requests: number,
): Promise<Reaction['held']> {
  const name = 'crowd';
  await plane.apply(name, engine.port, zero);
  await untilStatus(plane, name, 'ScaledToZero');
  await untilListed(plane, name);
  const rss = () => plane.routerMetric('process_resident_memory_bytes');
  const beforeBytes = await rss();
  const url = `${plane.routerUrl}/v1/chat/completions`;
  const answers = Array.from({ length: requests }, () => ask(url, name));
  await waitUntil('all are held', async () => {
    const depth = await plane.routerMetric('fairlead_queue_depth', `"${name}"`);
    return depth === requests ? true : undefined;
  });
  const rssBytes = (await rss()) - beforeBytes;
  for (const pod of await plane.pods(name, zero.autoscaling.maxReplicas))
    await plane.report(pod, 'ready');
  await Promise.all(answers);
  await plane.remove(name);
  return { requests, rssBytes };
}

/** When the client has the first byte of its answer. */
function ask(url: string, model: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] });
  const request = http.request(url, { method: 'POST' }, (response) => {
    response.resume();
    if (response.statusCode === 200) resolve(sharedNowMs());
    else reject(new Error(`${model}: HTTP ${response.statusCode}`));
  });
  request.on('error', reject);
  request.end(body);
  return promise;
}

/** When the next change of a model's replicas comes by. */
function nextScalePatch({ proxy }: Plane, name: string): Promise<number> {
  return new Promise((resolve) => {
    proxy.onPatch = ({ path, atMs }) => {
      if (path.startsWith(scalePath(name))) resolve(atMs);
    };
  });
}

/** Until the operator has changed no model for a while. */
function untilQuiet({ proxy }: Plane): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, quietMs);
    proxy.onPatch = ({ path }) => {
      if (path.includes('/modeldeployments/')) timer.refresh();
    };
  });
}

/** When a watch of our own is told that the pod is Ready. */
async function readyEvent({ client }: Plane, { metadata }: Pod): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const stop = new AbortController();
  const { namespace, name, resourceVersion } = metadata;
  const selection = { namespace, fieldSelector: `metadata.name=${name}`, resourceVersion };
  const options = { ...selection, timeoutSeconds: 60, signal: stop.signal };
  client
    .watch(Pods, options, ({ type, object }) => {
      if (type === 'MODIFIED' && isReady(object)) resolve(sharedNowMs());
    })
    .catch(() => {});
  const atMs = await promise;
  stop.abort();
  return atMs;
}

async function untilListed({ routerUrl }: Plane, name: string): Promise<void> {
  await waitUntil(`the router lists ${name}`, async () =>
    (await fetch(`${routerUrl}/v1/models/${name}`)).ok ? true : undefined,
  );
}

async function untilStatus({ client }: Plane, name: string, reason: string): Promise<void> {
  await waitUntil(`${name}: Available says ${reason}`, async () => {
    const { status } = await client.get(ModelDeployments, { namespace: 'default', name });
    const available = status?.conditions.find(({ type }) => type === 'Available');
    return available?.reason === reason ? true : undefined;
  });
}
