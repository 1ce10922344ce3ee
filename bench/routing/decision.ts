import { createBalancer } from '../../router/balance/balancer.ts';
import { BlockLru } from '../../router/balance/block-lru.ts';
import { unitBytes } from '../../router/balance/blocks.ts';
import { hashBlocks } from '../../router/balance/hash.ts';
import type { Replica } from '../../router/catalog/model.ts';
import { type Allocation, allocationsOf } from './allocations.ts';
import { seededRandom } from './random.ts';

/** Microseconds. */
interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

/** What one decision costs. */
export interface DecisionFigures {
  readonly promptKb: number;
  readonly replicas: number;
  readonly indexBlocks: number;
  readonly indexBytes: number;
  readonly decisionUs: Quantiles;
  readonly hashUs: Quantiles;
  /** Bytes that a decision and its release leave to the garbage collector. */
  readonly garbageBytes: number;
  /** Where they are allocated, the most first. */
  readonly garbage: readonly Allocation[];
}

const promptBytes = 100 * 1024;
/** What the index is filled with: prompts of so many blocks, so short that every block is a unit. */
const shortBlocks = 16;
const replicas = 100;
const blocksEach = 10_000;
const prompts = 200;
const repeats = 25;

/** Measures decisions of the router's balancer; best on a quiet machine and with `--expose-gc`. */
export async function measureDecision(): Promise<DecisionFigures> {
  const random = seededRandom(1);
  const balancer = createBalancer(random.next, () => performance.now());
  const candidates = Array.from({ length: replicas }, (_, at) => replicaAt(at));
  balancer.retain(candidates);
  const bodies = conversations();
  // Every replica gets prompts until it remembers its share of a million blocks.
  for (const candidate of candidates) {
    for (let held = 0; held < blocksEach; held += shortBlocks) {
      const body = Buffer.alloc(shortBlocks * unitBytes, `${random.next()} `);
      balancer.place(requestOf(body), 'PrefixAware', [candidate])?.release({});
    }
  }
  const decide = (body: Buffer) => {
    balancer.place(requestOf(body), 'PrefixAware', candidates)?.release();
  };
  for (const body of [...bodies, ...bodies]) decide(body);
  const decisionUs = quantiles(bodies, decide);
  const hashUs = quantiles(bodies, (body) => {
    hashBlocks(body, [{ start: 0, end: body.length }], 0);
  });
  const index = new BlockLru(blocksEach);
  for (let held = 0; held < blocksEach; held += shortBlocks) {
    const blocks = Array.from({ length: shortBlocks }, () => random.below(2 ** 32));
    index.add(Int32Array.from(blocks));
  }
  const garbage = await allocationsOf(bodies, decide);
  return {
    ...{ promptKb: promptBytes / 1024, replicas, decisionUs, hashUs },
    indexBlocks: replicas * blocksEach,
    indexBytes: replicas * index.sizeBytes,
    garbageBytes: garbage.reduce((sum, { bytes }) => sum + bytes, 0),
    garbage: garbage.slice(0, 6),
  };
}

/** Prompts of conversations that grow: each shares its beginning with others, to a different length. */
function conversations(): Buffer[] {
  const random = seededRandom(2);
  const shared = Buffer.alloc(promptBytes, 'You are a helpful assistant who answers at length. ');
  return Array.from({ length: prompts }, (_, at) => {
    const body = Buffer.alloc(promptBytes, `${random.next()} conversation ${at} `);
    shared.copy(body, 0, 0, random.below(promptBytes));
    return body;
  });
}

function requestOf(body: Buffer) {
  return { model: 'm', body, promptSpans: [{ start: 0, end: body.length }] };
}

function replicaAt(at: number): Replica {
  const pod = `m-${at}`;
  return { id: pod, pod, namespace: 'default', revision: 'r', host: '127.0.0.1', port: 80 };
}

/**
 * Over the prompts, of each prompt's median: what interrupted the process does not count. The router has
 * just read the body when it decides, so it is in the processor's cache.
 */
function quantiles(bodies: readonly Buffer[], run: (body: Buffer) => void): Quantiles {
  const took = Array.from({ length: repeats }, () => new Float64Array(prompts));
  for (const round of took) {
    for (const [at, body] of bodies.entries()) {
      body.includes(0);
      const start = performance.now();
      run(body);
      round[at] = (performance.now() - start) * 1000;
    }
  }
  const medians = Float64Array.from({ length: prompts }, (_, at) => {
    const each = Float64Array.from(took, (round) => round[at] ?? 0).sort();
    return each[repeats >> 1] ?? 0;
  }).sort();
  return { p50: medians[prompts >> 1] ?? 0, p99: medians[Math.floor(prompts * 0.99)] ?? 0 };
}
