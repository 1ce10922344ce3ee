import { createClient } from '../../kube/client.ts';
import { ConfigMaps } from '../../kube/resources.ts';
import { Namespaces } from '../../kube/testing/objects.ts';
import type { ControlPlane } from '../../test/kube/control-plane.ts';
import {
  type Access,
  type Contender,
  contenders,
  median,
  percentile,
  startWorker,
  type Worker,
} from './workers.ts';

const rounds = 3;
type ByContender<T> = Record<Contender, T>;

export interface CallFigures {
  callsPerSecond: number;
  cpuMsPerCall: number;
}

/** Calls per second and CPU per call: contenders in turn, three rounds, medians. */
export async function measureCalls(access: Access, namespace: string) {
  const verbs = ['get', 'list', 'patch'] as const;
  const results: Record<string, ByContender<CallFigures>> = {};
  for (const verb of verbs) {
    const samples: ByContender<CallFigures[]> = { fairlead: [], 'client-node': [] };
    for (let round = 0; round < rounds; round++) {
      for (const contender of contenders) {
        const input = { contender, access, verb, namespace, durationMs: 2_000 };
        const worker = startWorker('calls-worker.ts', input);
        const { calls, seconds, cpuMs } = await worker.next<Record<string, number>>();
        await worker.end();
        if (calls === undefined || seconds === undefined || cpuMs === undefined) throw new Error();
        samples[contender].push({ callsPerSecond: calls / seconds, cpuMsPerCall: cpuMs / calls });
      }
    }
    results[verb] = both((contender) => ({
      callsPerSecond: median(samples[contender].map((one) => one.callsPerSecond)),
      cpuMsPerCall: median(samples[contender].map((one) => one.cpuMsPerCall)),
    }));
  }
  return results;
}

export interface MirrorFigures {
  objects: number;
  listMs: number;
  emptyRssMb: number;
  rssMb: number;
  peakRssMb: number;
  relistMs: number;
  rssAfterRelistsMb: number;
}

/** First list, five relists and memory of a mirror of `namespace`, each contender in its own process. */
export async function measureMirror(access: Access, namespace: string) {
  const results: Partial<ByContender<MirrorFigures>> = {};
  for (const contender of contenders) {
    const worker = startWorker('mirror-worker.ts', { contender, access, namespace });
    const first = await worker.next<MirrorFigures>();
    const relists: { relistMs: number; rssMb: number; peakRssMb: number }[] = [];
    for (let count = 0; count < 5; count++) {
      worker.tell('relist');
      relists.push(await worker.next());
    }
    await worker.end();
    const last = relists.at(-1);
    results[contender] = {
      ...first,
      relistMs: median(relists.map(({ relistMs }) => relistMs)),
      peakRssMb: last?.peakRssMb ?? 0,
      rssAfterRelistsMb: last?.rssMb ?? 0,
    };
  }
  return results as ByContender<MirrorFigures>;
}

/** From before a write is sent until the handlers of both contenders, which watch the same objects. */
export async function measureLatency(plane: ControlPlane, access: Access, namespace: string) {
  const workers = {} as ByContender<Worker>;
  for (const contender of contenders) {
    workers[contender] = startWorker('mirror-worker.ts', { contender, access, namespace });
    await workers[contender].next();
  }
  const client = createClient(plane.config);
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (let count = 0; count < 1_000; count++) {
    const ref = { namespace, name: `m${count % 50}` };
    const data = { sentAtMs: `${performance.timeOrigin + performance.now()}` };
    await client.patch(ConfigMaps, ref, { data }, { patchType: 'merge' });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  await client.close();
  const results: Partial<ByContender<{ events: number; p50Ms: number; p99Ms: number }>> = {};
  for (const contender of contenders) {
    workers[contender].tell('ages');
    const { ages } = await workers[contender].next<{ ages: number[] }>();
    await workers[contender].end();
    const [p50Ms, p99Ms] = [percentile(ages, 0.5), percentile(ages, 0.99)];
    results[contender] = { events: ages.length, p50Ms, p99Ms };
  }
  return results;
}

/** From the signal to the holder until its successor leads, in milliseconds, with 15/10/2 s. */
export async function measureHandover(access: Access) {
  const times: { stopMs: number[]; killMs: number[] } = { stopMs: [], killMs: [] };
  let next = 0;
  const launch = () => startWorker('candidate-worker.ts', { access, identity: `c${next++}` });
  let leader = launch();
  await leader.next();
  for (const signal of [
    'SIGTERM',
    'SIGTERM',
    'SIGTERM',
    'SIGKILL',
    'SIGKILL',
    'SIGKILL',
  ] as const) {
    const successor = launch();
    // Any time in the holder's period of renewal, so that the worst is seen in the end.
    await new Promise((resolve) => setTimeout(resolve, 2_500 + 1_500 * Math.random()));
    const fromMs = performance.timeOrigin + performance.now();
    leader.child.kill(signal);
    const { leadingAtMs } = await successor.next<{ leadingAtMs: number }>();
    times[signal === 'SIGTERM' ? 'stopMs' : 'killMs'].push(leadingAtMs - fromMs);
    leader = successor;
  }
  await leader.end();
  return times;
}

/** Makes a namespace with `count` ConfigMaps of about 1 KiB, named m0, m1, … */
export async function fill(plane: ControlPlane, namespace: string, count: number): Promise<void> {
  const client = createClient(plane.config);
  await client.create(Namespaces, { metadata: { name: namespace } });
  const data = { text: 'x'.repeat(600) };
  const labels = { 'app.kubernetes.io/name': 'bench', 'example.com/index': 'some-label-value' };
  let next = 0;
  const work = async () => {
    for (let index = next++; index < count; index = next++)
      await client.apply(
        ConfigMaps,
        { metadata: { name: `m${index}`, namespace, labels }, data },
        { fieldManager: 'bench' },
      );
  };
  await Promise.all(Array.from({ length: 16 }, work));
  await client.close();
}

function both<T>(make: (contender: Contender) => T): ByContender<T> {
  return { fairlead: make('fairlead'), 'client-node': make('client-node') };
}
