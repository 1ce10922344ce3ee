import { startTestRouter, type TestRouter } from '../../../router/testing/test-router.ts';
import { converse, type Talk, type TalkShape } from './conversations.ts';
import { courseOf, endpointsOf, podsOf } from './events.ts';
import { type Fleet, startLlamaServers, startVllms } from './fleet.ts';
import { KubernetesService } from './service.ts';
import { converseFrom } from './talk.ts';
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
  const service = await KubernetesService.start();
  try {
    for (const start of [startLlamaServers, startVllms]) {
      const fleet = await start();
      if (!fleet) continue;
      try {
        figures.push(...(await measureFleet(fleet, service)));
      } finally {
        await fleet.stop();
      }
    }
    return figures;
  } finally {
    await service.stop();
  }
}

/** Has multi-turn conversations with real engines, each way, while replicas come, leave and fail. */
async function measureFleet(fleet: Fleet, service: KubernetesService): Promise<EngineFigures[]> {
  const figures: EngineFigures[] = [];
  const router = await startTestRouter();
  try {
    // What an engine does for the first time takes longer.
    for (const { url } of fleet.replicas) {
      await converse(url, modelOf({ name: 'RoundRobin' }), 'warm', { ...shape, conversations: 2 });
    }
    for (const way of ways) {
      if (way.followsKvEvents && !fleet.replicas[0]?.kvEvents) continue;
      const { policy } = way;
      const host = policy ? '127.0.0.1' : service.endpointHost;
      const addresses = await Promise.all(
        fleet.replicas.map(({ port }) => TcpProxy.start(port, host)),
      );
      try {
        const talk = policy
          ? await talkByRouter(router, fleet, addresses, { ...way, policy })
          : await talkByService(service, addresses, way);
        figures.push(figuresOf(fleet, way, talk));
      } finally {
        await Promise.all(addresses.map((one) => one.stop()));
      }
    }
    return figures;
  } finally {
    await router.stop();
  }
}

async function talkByRouter(
  router: TestRouter,
  fleet: Fleet,
  addresses: readonly TcpProxy[],
  way: Way & Required<Pick<Way, 'policy'>>,
): Promise<Talk> {
  const model = modelOf(way);
  const size = addresses.length;
  const engine = fleet.engine === 'vLLM' ? 'vLLM' : 'LlamaCpp';
  const kvEvents = way.followsKvEvents ? fleet.replicas.map((one) => one.kvEvents) : [];
  const replicas = podsOf(router, model, addresses, kvEvents);
  for (let at = 0; at < size - 1; at++) replicas.comes(at);
  router.putModel(model, { engine, routing: { policy: way.policy } });
  await router.untilReplicas(model, size - 1);
  return converse(router.address, model, way.name, shape, courseOf(replicas, size, requests));
}

async function talkByService(
  service: KubernetesService,
  addresses: readonly TcpProxy[],
  way: Way,
): Promise<Talk> {
  const size = addresses.length;
  const replicas = endpointsOf(service, addresses);
  for (let at = 0; at < size - 1; at++) replicas.comes(at);
  await service.untilRouted(addresses.slice(0, -1).map(({ port }) => port));
  const course = courseOf(replicas, size, requests);
  const inside = ['nsenter', ...service.inside()] as const;
  const talk = await converseFrom(inside, service.url, modelOf(way), way.name, shape, course);
  await service.clear();
  return talk;
}

function figuresOf(fleet: Fleet, way: Way, { turns, failures }: Talk): EngineFigures {
  for (const failure of failures) process.stderr.write(`${way.name}: ${failure}\n`);
  const ttfts = turns.map(({ ttftMs }) => ttftMs).sort((a, b) => a - b);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  return {
    ...{ engine: fleet.engine, replicas: fleet.replicas.length, way: way.name },
    ...{ requests, failed: failures.length },
    cachedShare:
      sum(turns.map(({ cachedTokens }) => cachedTokens)) /
      sum(turns.map(({ promptTokens }) => promptTokens)),
    ttftMeanMs: sum(ttfts) / ttfts.length,
    ttftP90Ms: ttfts[Math.floor(ttfts.length * 0.9)] ?? Number.NaN,
  };
}
