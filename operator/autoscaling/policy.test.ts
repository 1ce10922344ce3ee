import { describe, expect, test } from 'vitest';
import { decide, type PolicyConfig, remember, type Seen } from './policy.ts';
import { changesOf, replay, type Step } from './testing/replay.ts';

const config: PolicyConfig = {
  minReplicas: 0,
  maxReplicas: 10,
  inFlightPerReplica: 4,
  scaleUpWindowMs: 30_000,
  scaleDownWindowMs: 300_000,
  idleTimeoutMs: 600_000,
};
const minutes = (count: number) => count * 60_000;
const load = (...steps: [seconds: number, signal: number][]): Step[] =>
  steps.map(([seconds, signal]) => ({ atMs: seconds * 1000, signal }));

describe('the replicas follow the load', () => {
  test.each<[string, Partial<PolicyConfig>, number, Step[], [number, number][]]>([
    ['from zero for one request, at once', {}, 0, load([5, 1]), [[5, 1]]],
    [
      'from zero for many: one at once, the rest when they last',
      {},
      0,
      load([5, 1], [5.05, 17]),
      [
        [5, 1],
        [6.1, 5],
      ],
    ],
    ['at once for a burst that lasts', {}, 2, load([0, 8], [60, 20]), [[61, 5]]],
    ['not for a spike', {}, 2, load([0, 7], [60, 40], [60.9, 7]), []],
    ['for a small rise by its mean', {}, 4, load([0, 16], [60, 20]), [[61, 5]]],
    ['up to the ceiling', { maxReplicas: 3 }, 1, load([0, 100]), [[1, 3]]],
    [
      'down when the fall has lasted, to what was needed at most in that time',
      { minReplicas: 1 },
      5,
      load([0, 20], [60, 4], [200, 12], [240, 4]),
      [
        [368, 4],
        [375, 3],
        [555, 2],
        [570, 1],
      ],
    ],
    ['not down for a lull', { minReplicas: 1 }, 5, load([0, 20], [60, 0], [350, 20]), []],
    ['to zero when idle', {}, 1, load([0, 1], [60, 0]), [[660, 0]]],
    ['never below the least', { minReplicas: 2 }, 2, load([0, 8], [60, 0]), []],
    [
      'to the bounds, whatever there was',
      { minReplicas: 2, maxReplicas: 3 },
      7,
      load([0, 28]),
      [[0, 3]],
    ],
  ])('%s', (_, more, replicas, steps, changes) => {
    const moments = replay(steps, { ...config, ...more }, { replicas, untilMs: minutes(14) });
    expect(changesOf(moments)).toEqual(changes);
  });
});

const seen = (more: Partial<Seen>): Seen => ({
  signal: 0,
  isActive: false,
  isComplete: true,
  current: 1,
  ready: more.current ?? 1,
  floor: 0,
  nowMs: 0,
  ...more,
});

describe('what is not known', () => {
  test('a router that is not heard keeps what there is', () => {
    const memory = remember(seen({ current: 4, isComplete: false }), config);
    for (let nowMs = 0; nowMs < minutes(30); nowMs += 1000) {
      const { desired } = decide(memory, config, seen({ current: 4, isComplete: false, nowMs }));
      expect(desired).toBe(4);
    }
    const late = minutes(30);
    expect(decide(memory, config, seen({ current: 4, nowMs: late })).desired).toBe(4);
    const after = late + config.scaleDownWindowMs;
    expect(decide(memory, config, seen({ current: 4, nowMs: after })).desired).toBe(1);
  });

  test('one that is heard counts while others are not', () => {
    const first = seen({ current: 1, signal: 40, isComplete: false });
    const memory = remember(first, config);
    decide(memory, config, first);
    expect(decide(memory, config, { ...first, nowMs: 1000 }).desired).toBe(10);
  });
});

describe('bounds that change at run time hold at once', () => {
  const steady = seen({ signal: 16, current: 4 });
  test.each<[string, Partial<PolicyConfig>, Partial<Seen>, number, string]>([
    ['a lower ceiling', { maxReplicas: 2 }, {}, 2, 'ceiling'],
    ['a higher least', { minReplicas: 6 }, {}, 6, 'floor'],
    ['a schedule', {}, { floor: 8 }, 8, 'floor'],
    ['a schedule beyond the ceiling', { maxReplicas: 5 }, { floor: 8 }, 5, 'floor'],
  ])('%s', (_, more, now, desired, reason) => {
    const memory = remember(steady, config);
    expect(decide(memory, config, steady).desired).toBe(4);
    const next = { ...steady, ...now, nowMs: 50 };
    expect(decide(memory, { ...config, ...more }, next)).toMatchObject({ desired, reason });
  });

  test('a floor that ends leaves what the load asked for all along', () => {
    const memory = remember(seen({ signal: 4, current: 4, floor: 4 }), config);
    for (let nowMs = 0; nowMs <= minutes(6); nowMs += 1000)
      decide(memory, config, seen({ signal: 4, current: 4, floor: 4, nowMs }));
    const after = seen({ signal: 4, current: 4, nowMs: minutes(6) + 1 });
    expect(decide(memory, config, after).desired).toBe(1);
  });
});

test('none for no request, because of the floor and not of a request', () => {
  const nobody = seen({ signal: 0, current: 0 });
  expect(decide(remember(nobody, config), config, nobody)).toMatchObject({
    desired: 0,
    reason: 'floor',
  });
});

describe('what piled up while replicas started', () => {
  const pile = load([0, 1], [2, 40], [64, 16], [70, 8]);
  const replicasAt = (seconds: number, startMs: number) =>
    changesOf(replay(pile, config, { replicas: 0, startMs, untilMs: minutes(8) })).findLast(
      ([atSeconds]) => atSeconds <= seconds,
    )?.[1];

  test('is worked off by as many as it asks for, some of which go soon after that', () => {
    expect(replicasAt(70, 60_000)).toBe(10);
    expect(replicasAt(150, 60_000)).toBeLessThan(8);
    expect(replicasAt(480, 60_000)).toBe(2);
  });

  test('before replicas that serve at once is a load like any other', () => {
    expect(replicasAt(70, 0)).toBe(10);
    expect(replicasAt(360, 0)).toBe(10);
  });
});

test('more than is allowed is told as needed', () => {
  const now = seen({ signal: 100, current: 3 });
  const memory = remember(now, config);
  decide(memory, { ...config, maxReplicas: 3 }, now);
  const later = decide(memory, { ...config, maxReplicas: 3 }, { ...now, nowMs: 40_000 });
  expect(later).toMatchObject({ desired: 3, needed: 25, reason: 'ceiling' });
});

test('who scales up by hand keeps the replicas for the scale-down window', () => {
  const memory = remember(seen({ signal: 4 }), config);
  for (let nowMs = 0; nowMs < minutes(10); nowMs += 10_000)
    decide(memory, config, seen({ signal: 4, nowMs }));
  const raised = minutes(10);
  const at = (nowMs: number) => decide(memory, config, seen({ signal: 4, current: 5, nowMs }));
  expect(at(raised).desired).toBe(5);
  expect(at(raised + config.scaleDownWindowMs - 1).desired).toBe(5);
  expect(at(raised + config.scaleDownWindowMs).desired).toBe(1);
});

test('who scales down by hand is followed unless the load asks for more', () => {
  const memory = remember(seen({ signal: 20, current: 5 }), config);
  const at = (signal: number, current: number, nowMs: number) =>
    decide(memory, config, seen({ signal, current, nowMs })).desired;
  for (let nowMs = 0; nowMs <= 60_000; nowMs += 1000) at(20, 5, nowMs);
  for (let nowMs = 60_000; nowMs <= 100_000; nowMs += 1000) at(4, 5, nowMs);
  expect(at(4, 1, 100_001)).toBe(1);
  for (let nowMs = 100_002; nowMs < 110_000; nowMs += 1000) at(8, 1, nowMs);
  expect(at(8, 1, 110_000)).toBe(2);
});
