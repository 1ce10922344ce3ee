import http from 'node:http';
import { ModelDeployments } from '../../crds/modeldeployment.ts';
import { isReady } from '../../kube/readiness.ts';
import { type Pod, Pods } from '../../kube/resources.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
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
  /** What the router's memory grew by while it held so many requests. */
  held: { requests: number; rssBytes: number };
}

const rounds = { wake: 100, step: 10 };
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
    held: { requests: 0, rssBytes: 0 },
  };
  try {
    say('waking up');
    for (let round = 0; round < rounds.wake; round++)
      await wake(plane, engine, `wake-${round}`, reaction, round % 2 === 0);
    say('steps');
    for (let round = 0; round < rounds.step; round++)
      reaction.stepMs.push(await step(plane, engine, `step-${round}`));
    say('a crowd');
    reaction.held = await crowd(plane, engine, 1000);
    return reaction;
  } finally {
    engine.close();
    await plane.stop();
  }
}

async function wake(
  plane: Plane,
  engine: BenchEngine,
  name: string,
  reaction: Reaction,
  byProbe: boolean,
): Promise<void> {
  await plane.apply(name, engine.port, zero);
  await untilListed(plane, name);
  await untilStatus(plane, name, 'ScaledToZero');
  engine.isHealthy = !byProbe;
  const patched = nextScalePatch(plane, name);
  const askedAtMs = performance.now();
  const answered = ask(plane, name);
  reaction.wakeMs.push((await patched) - askedAtMs);
  const [pod] = await plane.pods(name, 1);
  if (!pod) throw new Error('unreachable: one pod was waited for');
  if (byProbe) {
    await plane.report(pod, 'running');
    // Long enough for the router to have asked in vain at least once.
    await new Promise((resolve) => setTimeout(resolve, 150 + Math.random() * 100));
    engine.isHealthy = true;
    const beganAtMs = performance.now();
    reaction.probedMs.push((await answered) - beganAtMs);
  } else {
    const seen = readyEvent(plane, pod);
    await plane.report(pod, 'ready');
    reaction.readyMs.push((await answered) - (await seen));
  }
  await plane.remove(name);
}

async function step(plane: Plane, engine: BenchEngine, name: string): Promise<number> {
  await plane.apply(name, engine.port, one);
  const [pod] = await plane.pods(name, 1);
  if (!pod) throw new Error('unreachable: one pod was waited for');
  await plane.report(pod, 'ready');
  await untilStatus(plane, name, 'ReplicasReady');
  engine.isBusy = true;
  const patched = nextScalePatch(plane, name);
  const steppedAtMs = performance.now();
  const answers = Array.from({ length: 4 * target }, () => ask(plane, name));
  const tookMs = (await patched) - steppedAtMs;
  engine.isBusy = false;
  engine.release();
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
  const answers = Array.from({ length: requests }, () => ask(plane, name));
  await waitUntil('all are held', async () => {
    const depth = await plane.routerMetric('fairlead_queue_depth', `"${name}"`);
    return depth === requests ? true : undefined;
  });
  const rssBytes = (await rss()) - beforeBytes;
  for (const pod of await plane.pods(name, zero.autoscaling.maxReplicas))
    await plane.report(pod, 'ready');
  await Promise.all(answers);
  return { requests, rssBytes };
}

/** When the client has the first byte of its answer. */
function ask({ routerUrl }: Plane, model: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] });
  const url = `${routerUrl}/v1/chat/completions`;
  const request = http.request(url, { method: 'POST' }, (response) => {
    response.resume();
    if (response.statusCode === 200) resolve(performance.now());
    else reject(new Error(`${model}: HTTP ${response.statusCode}`));
  });
  request.on('error', reject);
  request.end(body);
  return promise;
}

/** When the operator's next change of a model's replicas comes by. */
function nextScalePatch({ proxy }: Plane, name: string): Promise<number> {
  const path = new RegExp(`/modeldeployments/${name}(/scale)?(\\?|$)`);
  return new Promise((resolve) => {
    proxy.onRequest = (method, url) => {
      if (method === 'PATCH' && path.test(url)) resolve(performance.now());
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
      if (type === 'MODIFIED' && isReady(object)) resolve(performance.now());
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
