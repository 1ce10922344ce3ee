import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Replica, type ReplicaModel, referenceModel } from './replica.ts';
import type { SimRequest } from './request.ts';

const blockTokens = 64;

function request(id: number, inputTokens: number, outputTokens = 10): SimRequest {
  const promptBlocks = Math.floor(inputTokens / blockTokens);
  const blocks = Int32Array.from({ length: promptBlocks }, (_, at) => id * 10_000 + at);
  return { inputTokens, outputTokens, blocks, promptBlocks, headKey: id };
}

/** Sends requests at their times and runs to the end. */
function run(arrivals: readonly { atS: number; request: SimRequest }[], model: ReplicaModel) {
  const firstS = new Map<SimRequest, number>();
  const endS = new Map<SimRequest, number>();
  const cached = new Map<SimRequest, number>();
  const replica = new Replica(model, blockTokens, {
    firstToken: (one, nowS, cachedTokens) => {
      firstS.set(one, nowS);
      cached.set(one, cachedTokens);
    },
    finished: (one, nowS) => endS.set(one, nowS),
  });
  for (const { atS, request: one } of arrivals) {
    while (replica.endS <= atS) replica.advance();
    replica.arrive(one, atS);
  }
  while (replica.endS < Number.POSITIVE_INFINITY) replica.advance();
  return { firstS, endS, cached, replica };
}

test('alone, a prompt takes a step and its tokens at the prefill rate; then each token a step', () => {
  const one = request(1, 4_096, 11);
  const { firstS, endS } = run([{ atS: 1, request: one }], referenceModel);
  const { stepS, prefillTokensPerS } = referenceModel;
  expect(firstS.get(one)).toBeCloseTo(1 + stepS + 4_096 / prefillTokensPerS);
  expect((endS.get(one) ?? 0) - (firstS.get(one) ?? 0)).toBeCloseTo(10 * stepS, 1);
});

test('a long prompt is computed in chunks, and answers go on in between', () => {
  const [chat, long] = [request(1, 100, 100), request(2, 40_000)];
  const arrivals = [
    { atS: 0, request: chat },
    { atS: 0.1, request: long },
  ];
  const { firstS, endS } = run(arrivals, referenceModel);
  expect(endS.get(chat)).toBeGreaterThan(firstS.get(long) ?? 0);
  const chunks = Math.ceil(40_000 / referenceModel.stepTokens);
  const leastS = chunks * referenceModel.stepS + 40_000 / referenceModel.prefillTokensPerS;
  expect((firstS.get(long) ?? 0) - 0.1).toBeGreaterThan(leastS);
});

test('a prompt seen before is not computed again, but for its last token', () => {
  const [first, again] = [request(1, 6_400), request(1, 6_400)];
  const { cached } = run(
    [
      { atS: 0, request: first },
      { atS: 5, request: again },
    ],
    referenceModel,
  );
  expect(cached.get(first)).toBe(0);
  expect(cached.get(again)).toBe(6_399);
});

test('what is being computed is not computed a second time for one that comes meanwhile', () => {
  const [first, second] = [request(1, 12_800), request(1, 12_800)];
  const { cached, firstS } = run(
    [
      { atS: 0, request: first },
      { atS: 0.1, request: second },
    ],
    referenceModel,
  );
  expect(cached.get(second)).toBe(12_799);
  expect(firstS.get(second)).toBe(firstS.get(first));
});

test('without room for a sequence it waits for another’s end', () => {
  const model = { ...referenceModel, kvTokens: 10_000 };
  const [first, second] = [request(1, 6_000, 200), request(2, 6_000, 200)];
  const { firstS, endS } = run(
    [
      { atS: 0, request: first },
      { atS: 0.01, request: second },
    ],
    model,
  );
  expect(firstS.get(second)).toBeGreaterThan(endS.get(first) ?? 0);
});

test('whatever comes, every request is answered and the memory is free in the end', () => {
  const any = fc.record({
    id: fc.nat({ max: 6 }),
    inputTokens: fc.integer({ min: 1, max: 9_000 }),
    outputTokens: fc.integer({ min: 2, max: 300 }),
    gapS: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(any, { maxLength: 30 }), (all) => {
      let atS = 0;
      const arrivals = all.map(({ id, inputTokens, outputTokens, gapS }) => {
        atS += gapS;
        return { atS, request: request(id, inputTokens, outputTokens) };
      });
      const model = { ...referenceModel, kvTokens: 20_000, maxSequences: 4 };
      const { firstS, endS, replica } = run(arrivals, model);
      expect(endS.size).toBe(arrivals.length);
      for (const { atS: arrivedS, request: one } of arrivals) {
        expect(firstS.get(one)).toBeGreaterThan(arrivedS);
        expect(endS.get(one)).toBeGreaterThan(firstS.get(one) ?? 0);
      }
      expect(replica.kvUsedShare).toBe(0);
      expect(replica.waiting).toBe(0);
    }),
  );
});
