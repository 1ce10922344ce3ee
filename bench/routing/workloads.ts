import { mix, type Random, seededRandom } from './random.ts';
import type { SimRequest, Workload } from './request.ts';

const blockTokens = 64;

type Arrival = Workload['arrivals'][number];

/** How a workload is asked for: new requests or conversations in a second, for how long. */
export interface Demand {
  readonly perSecond: number;
  readonly forS: number;
  readonly seed: number;
}

/** Makes the n-th conversation or request. */
type Maker = (random: Random, id: number) => SimRequest;

/** What the prompts of a kind begin with: `tokens` that all with the same key share. */
interface SharedPrefix {
  readonly key: number;
  readonly tokens: number;
}

/** One call of a conversation: what is added to the prompt, what is answered, the pause before it. */
interface Turn {
  readonly addedTokens: number;
  readonly outputTokens: number;
  readonly afterS: number;
}

/** Makes a conversation: each turn's prompt is all that was said before and something new. */
function conversation(id: number, prefix: SharedPrefix, turns: readonly Turn[]): SimRequest {
  let following: SimRequest['next'];
  const starts: number[] = [];
  let length = prefix.tokens;
  for (const { addedTokens, outputTokens } of turns) {
    starts.push(length + addedTokens);
    length += addedTokens + outputTokens;
  }
  for (let at = turns.length - 1; at >= 0; at--) {
    const { outputTokens, afterS } = turns[at] as Turn;
    const inputTokens = starts[at] as number;
    const request: SimRequest = {
      inputTokens,
      outputTokens,
      blocks: blocksOf(id, prefix, inputTokens + outputTokens),
      promptBlocks: Math.floor(inputTokens / blockTokens),
      headKey: mix(id, 17),
      next: following,
    };
    following = { request, afterS };
  }
  return (following as { request: SimRequest }).request;
}

function blocksOf(id: number, prefix: SharedPrefix, tokens: number): Int32Array {
  const shared = Math.floor(prefix.tokens / blockTokens);
  return Int32Array.from({ length: Math.floor(tokens / blockTokens) }, (_, at) =>
    at < shared ? mix(mix(prefix.key, 7), at) : mix(mix(id, 1_000_003), at),
  );
}

const atLeast = (least: number, value: number) => Math.max(least, Math.round(value));

/** 150 groups of 5 prompts: 6,000 tokens shared in the group, 1,200 own, 1,000 of answer. */
const business: Maker = (random) => {
  const group = random.below(150);
  const prompt = group * 5 + random.below(5);
  const turn = { addedTokens: 1_200, outputTokens: 1_000, afterS: 0 };
  return {
    ...conversation(5_000_000 + prompt, { key: 1_000 + group, tokens: 6_000 }, [turn]),
    headKey: mix(group, 23),
  };
};

/** People who talk to an assistant: a system prompt of 600 tokens, 1 to 20 turns. */
const chat: Maker = (random, id) => {
  const turns = 1 + Math.min(19, Math.floor(random.exponential(5)));
  return conversation(
    id,
    { key: random.below(5), tokens: 600 },
    Array.from({ length: turns }, () => ({
      addedTokens: atLeast(8, random.lognormal(120, 1)),
      outputTokens: atLeast(2, random.lognormal(250, 0.7)),
      afterS: random.exponential(20),
    })),
  );
};

/** Programs that work on a task: tools and instructions of 5,000 tokens, 5 to 40 quick calls. */
const agents: Maker = (random, id) =>
  conversation(
    id,
    { key: 50 + random.below(8), tokens: 5_000 },
    Array.from({ length: 5 + Math.min(35, Math.floor(random.exponential(12))) }, () => ({
      addedTokens: atLeast(8, random.lognormal(700, 1)),
      outputTokens: atLeast(2, random.lognormal(120, 0.8)),
      afterS: random.exponential(1.5),
    })),
  );

/** Prompts that share nothing. */
const short: Maker = (random, id) =>
  conversation(id, { key: 0, tokens: 0 }, [
    {
      addedTokens: atLeast(8, random.lognormal(300, 1)),
      outputTokens: atLeast(2, random.lognormal(200, 0.8)),
      afterS: 0,
    },
  ]);

/** Questions about one document of 12,000 tokens. */
const hot: Maker = (random, id) => ({
  ...conversation(id, { key: 99, tokens: 12_000 }, [
    {
      addedTokens: atLeast(8, random.lognormal(150, 0.8)),
      outputTokens: atLeast(2, random.lognormal(200, 0.6)),
      afterS: 0,
    },
  ]),
  headKey: 99,
});

/** Some of each. */
const mixed: Maker = (random, id) => {
  const kind = random.next();
  if (kind < 0.4) return short(random, id);
  if (kind < 0.6) return hot(random, id);
  if (kind < 0.75) return business(random, id);
  return (kind < 0.95 ? chat : agents)(random, id);
};

/** The kinds of traffic that can be generated. */
export const makers = { business, chat, agents, short, hot, mixed } as const;
export type Kind = keyof typeof makers;

/** Generates traffic: Poisson arrivals of requests or conversations. */
export function generate(kind: Kind, { perSecond, forS, seed }: Demand): Workload {
  const random = seededRandom(seed);
  const arrivals: Arrival[] = [];
  for (let atS = random.exponential(1 / perSecond); atS < forS; ) {
    arrivals.push({ atS, request: makers[kind](random, arrivals.length + 1) });
    atS += random.exponential(1 / perSecond);
  }
  return { name: kind, blockTokens, arrivals };
}
