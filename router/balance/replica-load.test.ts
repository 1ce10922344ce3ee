import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type LoadShare, ReplicaLoad } from './replica-load.ts';

const share = (uncachedTokens: number): LoadShare => ({
  uncachedTokens,
  answerTokens: 100,
  isStreamed: true,
});

test('whatever comes of requests, all counts are zero when the last is over', () => {
  const steps = fc.array(fc.record({ computed: fc.nat(), ended: fc.nat(), tokens: fc.nat(99) }));
  fc.assert(
    fc.property(steps, (all) => {
      const load = new ReplicaLoad('r', 8);
      const open: LoadShare[] = [];
      for (const { computed, ended, tokens } of all) {
        const sent = share(tokens + 1);
        load.sent(sent);
        open.push(sent);
        const answered = open[computed % open.length];
        if (answered) load.computed(answered);
        if (ended % 3 === 0) load.ended(...(open.splice(ended % open.length, 1) as [LoadShare]));
        expect(load.inFlight).toBe(open.length);
        const held = open.reduce((sum, one) => sum + one.uncachedTokens + 100, 0);
        expect(load.heldTokens).toBe(held);
        expect(load.pendingTokens).toBeGreaterThanOrEqual(0);
        expect(load.pendingTokens).toBeLessThanOrEqual(load.heldTokens);
      }
      for (const last of open) load.ended(last);
      const { inFlight, heldTokens, pendingTokens } = load;
      expect({ inFlight, heldTokens, pendingTokens }).toEqual({
        inFlight: 0,
        heldTokens: 0,
        pendingTokens: 0,
      });
    }),
  );
});

test('an answer that begins settles the prompts sent before it, not those after it', () => {
  const load = new ReplicaLoad('r', 8);
  const [first, second, third] = [share(10), share(15), share(40)];
  for (const each of [first, second, third]) load.sent(each);
  expect(load.pendingTokens).toBe(65);
  load.computed(second);
  expect(load.pendingTokens).toBe(40);
  load.computed(second);
  load.computed(first);
  expect(load.pendingTokens).toBe(40);
  load.ended(third);
  expect(load.pendingTokens).toBe(0);
});

test('the share of busy decisions follows what is pending', () => {
  const load = new ReplicaLoad('r', 8);
  const only = share(10);
  load.sent(only);
  for (let decision = 0; decision < 100; decision++) load.observe(1);
  expect(load.busyShare).toBeGreaterThan(0.99);
  load.ended(only);
  for (let decision = 0; decision < 100; decision++) load.observe(1);
  expect(load.busyShare).toBeLessThan(0.01);
});

test('there is room until a long prompt waits, or many short ones; those without a stream do not count', () => {
  const load = new ReplicaLoad('r', 8);
  for (let sent = 0; sent < 9; sent++) load.sent({ ...share(5_000), isStreamed: false });
  expect(load.hasRoom).toBe(true);
  for (let sent = 0; sent < 20; sent++) load.sent(share(100));
  expect(load.hasRoom).toBe(true);
  const long = share(5_000);
  load.sent(long);
  expect(load.hasRoom).toBe(false);
  load.computed(long);
  expect(load.hasRoom).toBe(true);
});

test('there is no room in a full memory, but one request may always go', () => {
  const load = new ReplicaLoad('r', 8);
  load.kvTokens = 4_000;
  expect(load.hasRoom).toBe(true);
  const large = share(4_000);
  load.sent(large);
  load.computed(large);
  expect(load.hasRoom).toBe(false);
  load.ended(large);
  expect(load.hasRoom).toBe(true);
});
