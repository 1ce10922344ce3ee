import { type RoutingPolicy, routingPolicies } from '../../crds/modeldeployment/routing.ts';
import { startTestRouter, type TestRouter } from '../../router/testing/test-router.ts';
import { startLlamaServer } from '../../test/support/engines/llama-server.ts';

/** What clients and engines saw of one policy's traffic. */
export interface EngineFigures {
  readonly policy: RoutingPolicy;
  readonly requests: number;
  /** Tokens that llama-server took out of its cache, over all prompt tokens, as it reports them. */
  readonly cachedShare: number;
  readonly ttftMeanMs: number;
  readonly ttftP99Ms: number;
}

const replicas = 4;
const conversations = 12;
const atOnce = 6;
const turns = 4;
const engineArgs = ['-c', '32768', '-np', '4', '-n', '16', '--threads', '1'];

/** Has multi-turn conversations with real llama-servers through the router, under each policy. */
export async function measureEngines(): Promise<EngineFigures[]> {
  const engines = await Promise.all(
    Array.from({ length: replicas }, () => startLlamaServer(engineArgs)),
  );
  const router = await startTestRouter();
  try {
    const figures: EngineFigures[] = [];
    for (const policy of routingPolicies) {
      const model = policy.toLowerCase();
      router.putModel(model, { routing: { policy } });
      for (const [at, { port }] of engines.entries()) router.putPod(model, `${model}-${at}`, port);
      await router.untilReplicas(model, replicas);
      figures.push(await talk(router, model, policy));
    }
    return figures;
  } finally {
    await router.stop();
    await Promise.all(engines.map((engine) => engine.stop()));
  }
}

interface Turn {
  readonly ttftMs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

async function talk(
  router: TestRouter,
  model: string,
  policy: RoutingPolicy,
): Promise<EngineFigures> {
  const all: Turn[] = [];
  const left = Array.from({ length: conversations }, (_, id) => id);
  const converse = async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      const messages = [{ role: 'system', content: story(`${model} ${id}`, 900) }];
      for (let turn = 0; turn < turns; turn++) {
        messages.push({ role: 'user', content: story(`${id} ${turn}`, 150) });
        all.push(await ask(router, model, messages));
        messages.push({ role: 'assistant', content: story(`answer ${id} ${turn}`, 60) });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, converse));
  const ttfts = all.map(({ ttftMs }) => ttftMs).sort((a, b) => a - b);
  const sum = (of: (turn: Turn) => number) => all.reduce((total, turn) => total + of(turn), 0);
  return {
    policy,
    requests: all.length,
    cachedShare: sum(({ cachedTokens }) => cachedTokens) / sum(({ promptTokens }) => promptTokens),
    ttftMeanMs: sum(({ ttftMs }) => ttftMs) / all.length,
    ttftP99Ms: ttfts[Math.floor(ttfts.length * 0.99)] ?? Number.NaN,
  };
}

/** Text of a length that is no other's. */
function story(topic: string, length: number): string {
  return `${topic}: the harbour is quiet, and the boats lie at their moorings. `
    .repeat(Math.ceil(length / 40))
    .slice(0, length);
}

async function ask(router: TestRouter, model: string, messages: readonly object[]): Promise<Turn> {
  const startMs = performance.now();
  const answer = await fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model, messages, stream: true, max_tokens: 4 }),
  });
  let ttftMs = 0;
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of answer.body ?? []) {
    ttftMs ||= performance.now() - startMs;
    text += decoder.decode(chunk, { stream: true });
  }
  const count = (key: string) => Number(new RegExp(`"${key}":(\\d+)`).exec(text)?.[1]);
  const [computed, cachedTokens] = [count('prompt_n'), count('cache_n')];
  if (!answer.ok || Number.isNaN(computed + cachedTokens)) {
    throw new Error(`no timings in an answer with status ${answer.status}: ${text.slice(-300)}`);
  }
  return { ttftMs, cachedTokens, promptTokens: computed + cachedTokens };
}
