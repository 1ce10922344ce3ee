import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type LoadShare, ReplicaLoad } from './replica-load.ts';

/** A prompt that shares nothing; it begins with the first block of `topic` where there is one. */
const share = (uncachedTokens: number, topic?: number): LoadShare => ({
  ...{ uncachedTokens, answerTokens: 100, isStreamed: true, tokensPerUnit: 64 },
  promptTokens: uncachedTokens + (topic === undefined ? 0 : 64),
  blocks: Int32Array.from(topic === undefined ? [] : [topic]),
});

test('whatever comes of requests, all counts are zero when the last is over', () => {
  const steps = fc.array(fc.record({ computed: fc.nat(), ended: fc.nat(), tokens: fc.nat(99) }));
  fc.assert(
    fc.property(steps, (all) => {
      const load = new ReplicaLoad('r', 8);
      load.kvTokens = 1_000;
      const open: LoadShare[] = [];
      for (const { computed, ended, tokens } of all) {
        const sent = share(tokens + 1, tokens % 5 || undefined);
        load.sent(sent, 0);
        open.push(sent);
        const answered = open[computed % open.length];
        if (answered) load.computed(answered, 0);
        if (ended % 3 === 0) load.ended(...(open.splice(ended % open.length, 1) as [LoadShare]));
        expect(load.inFlight).toBe(open.length);
        const tokensOpen = open.reduce((sum, one) => sum + one.promptTokens + 100, 0);
        expect(load.openTokens).toBe(tokensOpen);
        expect(load.pendingTokens).toBeGreaterThanOrEqual(0);
        expect(load.pendingTokens).toBeLessThanOrEqual(load.openTokens);
      }
      for (const last of open) load.ended(last);
      const { inFlight, openTokens, pendingTokens, usedShare } = load;
      expect({ inFlight, openTokens, pendingTokens, usedShare }).toEqual({
        ...{ inFlight: 0, openTokens: 0, pendingTokens: 0, usedShare: 0 },
      });
    }),
  );
});

test('an answer that begins settles the prompts sent before it, not those after it', () => {
  const load = new ReplicaLoad('r', 8);
  const [first, second, third] = [share(10), share(15), share(40)];
  for (const each of [first, second, third]) load.sent(each, 0);
  expect(load.pendingTokens).toBe(65);
  load.computed(second, 0);
  expect(load.pendingTokens).toBe(40);
  load.computed(second, 0);
  load.computed(first, 0);
  expect(load.pendingTokens).toBe(40);
  load.ended(third);
  expect(load.pendingTokens).toBe(0);
});

test('the share of busy decisions follows what is pending', () => {
  const load = new ReplicaLoad('r', 8);
  const only = share(10);
  load.sent(only, 0);
  for (let decision = 0; decision < 100; decision++) load.observe(1, 0);
  expect(load.busyShare).toBeGreaterThan(0.99);
  load.ended(only);
  for (let decision = 0; decision < 100; decision++) load.observe(1, 0);
  expect(load.busyShare).toBeLessThan(0.01);
});

test('there is room until a long prompt waits, or many short ones; those without a stream do not count', () => {
  const load = new ReplicaLoad('r', 8);
  for (let sent = 0; sent < 9; sent++) load.sent({ ...share(5_000), isStreamed: false }, 0);
  expect(load.hasRoom).toBe(true);
  for (let sent = 0; sent < 5; sent++) load.sent(share(100), 0);
  expect(load.hasRoom).toBe(true);
  const long = share(5_000);
  load.sent(long, 0);
  expect(load.hasRoom).toBe(false);
  load.computed(long, 0);
  expect(load.hasRoom).toBe(true);
});

test('there is no room in a memory that is nearly full, but one request may always go', () => {
  const load = new ReplicaLoad('r', 8);
  load.kvTokens = 4_000;
  expect(load.hasRoom).toBe(true);
  const large = share(3_600);
  load.sent(large, 0);
  load.computed(large, 0);
  expect(load.hasRoom).toBe(false);
  load.ended(large);
  expect(load.hasRoom).toBe(true);
});

test('there is no room where open requests share so much that steps take long', () => {
  const load = new ReplicaLoad('r', 8);
  load.kvTokens = 1_000;
  const all = Array.from({ length: 20 }, (): LoadShare => ({ ...share(1, 7), answerTokens: 1 }));
  for (const one of all) {
    load.sent(one, 0);
    load.computed(one, 0);
  }
  expect(load.hasRoom).toBe(true);
  const longer = { ...share(1, 7), answerTokens: 700 };
  load.sent(longer, 0);
  load.computed(longer, 0);
  expect(load.usedShare).toBeLessThan(0.9);
  expect(load.hasRoom).toBe(false);
});

test('a beginning that open requests share takes its place in the memory once', () => {
  const load = new ReplicaLoad('r', 8);
  load.kvTokens = 1_000;
  const [first, second] = [share(50, 7), share(50, 7)];
  load.sent(first, 0);
  expect(load.usedShare).toBeCloseTo((64 + 50 + 100) / 1_000);
  load.sent(second, 0);
  expect(load.usedShare).toBeCloseTo((64 + 2 * (50 + 100)) / 1_000);
  load.ended(first);
  expect(load.usedShare).toBeCloseTo((64 + 50 + 100) / 1_000);
});

test('what waits gets less while it is computed, as fast as prompts before it', () => {
  const load = new ReplicaLoad('r', 8);
  const waitAt = (nowMs: number) => {
    load.observe(1, nowMs);
    return load.waitTokens;
  };
  const [first, second, third] = [share(4_000), share(4_000), share(1_000)];
  load.sent(first, 0);
  // Nothing is known of how fast it is.
  expect(waitAt(300)).toBe(4_000);
  load.computed(first, 400);
  load.sent(second, 1_000);
  load.sent(third, 1_000);
  expect(waitAt(1_100)).toBeCloseTo(4_000);
  // An engine that is silent is not taken to be beyond the prompt whose answer is missing.
  expect(waitAt(60_000)).toBeCloseTo(1_000);
  load.computed(second, 60_000);
  expect(waitAt(60_000)).toBe(1_000);
});

test('what another router finished there counts as what this one finished', () => {
  const load = new ReplicaLoad('r', 8);
  const [first, second] = [share(4_000), share(4_000)];
  load.sent(first, 0);
  load.computed(first, 400);
  load.hear({ inFlight: 1, pendingTokens: 3_000 }, 1_000);
  load.sent(second, 1_000);
  load.observe(1, 1_200);
  expect(load.waitTokens).toBeCloseTo(5_000);
  load.hear({ inFlight: 1, pendingTokens: 0 }, 1_300);
  load.observe(1, 1_300);
  expect(load.waitTokens).toBe(4_000);
  load.observe(1, 1_500);
  expect(load.waitTokens).toBeCloseTo(2_000);
});
