import { startTestRouter, type TestRouter } from '../../../router/testing/test-router.ts';
import { converse, type TalkShape } from './conversations.ts';
import { courseOf, endpointsOf, podsOf } from './events.ts';
import { type Fleet, startLlamaServers, startVllms } from './fleet.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { modelOf, type Way, ways } from './ways.ts';

/** What clients and engines saw of the traffic that went one way. */
export interface EngineFigures {
  readonly engine: Fleet['engine'];
  readonly replicas: number;
  readonly way: string;
  readonly requests: number;
  readonly failed: number;
  /** Tokens that engines took out of their prefix caches, over all prompt tokens, as they say. */
  readonly cachedShare: number;
  readonly ttftMeanMs: number;
  readonly ttftP90Ms: number;
}

const shape: TalkShape = { conversations: 16, atOnce: 6, turns: 4, groupSize: 4 };
const requests = shape.conversations * shape.turns;

/** Measures llama-servers, and vLLMs where they are installed. */
export async function measureEngines(): Promise<EngineFigures[]> {
  const figures: EngineFigures[] = [];
  for (const start of [startLlamaServers, startVllms]) {
    const fleet = await start();
    if (!fleet) continue;
    try {
      figures.push(...(await measureFleet(fleet)));
    } finally {
      await fleet.stop();
    }
  }
  return figures;
}

/** Has multi-turn conversations with real engines, each way, while replicas come, leave and fail. */
export async function measureFleet(fleet: Fleet): Promise<EngineFigures[]> {
  const figures: EngineFigures[] = [];
  const router = await startTestRouter();
  try {
    // What an engine does for the first time takes longer.
    for (const { url } of fleet.replicas) {
      await converse(url, modelOf({ name: 'RoundRobin' }), 'warm', { ...shape, conversations: 2 });
    }
    for (const way of ways) {
      if (way.followsKvEvents && !fleet.replicas[0]?.kvEvents) continue;
      figures.push(await measure(router, fleet, way));
    }
    return figures;
  } finally {
    await router.stop();
  }
}

async function measure(router: TestRouter, fleet: Fleet, way: Way): Promise<EngineFigures> {
  const addresses = await Promise.all(fleet.replicas.map(({ port }) => TcpProxy.start([port])));
  const service = await TcpProxy.start([]);
  const model = modelOf(way);
  const size = addresses.length;
  try {
    const { policy } = way;
    const engine = fleet.engine === 'vLLM' ? 'vLLM' : 'LlamaCpp';
    const kvEvents = way.followsKvEvents ? fleet.replicas.map((one) => one.kvEvents) : [];
    const replicas = policy
      ? podsOf(router, model, addresses, kvEvents)
      : endpointsOf(service, addresses);
    for (let at = 0; at < size - 1; at++) replicas.comes(at);
    if (policy) {
      router.putModel(model, { engine, routing: { policy } });
      await router.untilReplicas(model, size - 1);
    }
    const address = policy ? router.address : `http://127.0.0.1:${service.port}`;
    const course = courseOf(replicas, size, requests);
    const { turns, failures } = await converse(address, model, way.name, shape, course);
    for (const failure of failures) process.stderr.write(`${way.name}: ${failure}\n`);
    const ttfts = turns.map(({ ttftMs }) => ttftMs).sort((a, b) => a - b);
    const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
    return {
      ...{ engine: fleet.engine, replicas: size, way: way.name, requests, failed: failures.length },
      cachedShare:
        sum(turns.map(({ cachedTokens }) => cachedTokens)) /
        sum(turns.map(({ promptTokens }) => promptTokens)),
      ttftMeanMs: sum(ttfts) / ttfts.length,
      ttftP90Ms: ttfts[Math.floor(ttfts.length * 0.9)] ?? Number.NaN,
    };
  } finally {
    await Promise.all([service, ...addresses].map((one) => one.stop()));
  }
}
