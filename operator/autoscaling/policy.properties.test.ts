import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide, type PolicyConfig, remember, type Seen } from './policy.ts';
import { changesOf, type Moment, replay, type Step } from './testing/replay.ts';

const configs = fc
  .record({
    bounds: fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 1, max: 20 })),
    inFlightPerReplica: fc.integer({ min: 1, max: 40 }),
    scaleUpWindowMs: fc.constantFrom(0, 6_000, 30_000, 90_000),
    scaleDownWindowMs: fc.constantFrom(0, 30_000, 120_000, 300_000),
    idleTimeoutMs: fc.constantFrom(0, 60_000, 600_000),
  })
  .map(
    ({ bounds: [one, other], ...rest }): PolicyConfig => ({
      minReplicas: Math.min(one, other),
      maxReplicas: Math.max(one, other),
      ...rest,
    }),
  );
const loads = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 0, max: 200 })), {
    maxLength: 60,
  })
  .map((gaps): Step[] => {
    let atMs = 0;
    return gaps.map(([gapMs, signal]) => {
      atMs += gapMs;
      return { atMs, signal };
    });
  });
const counts = fc.integer({ min: 0, max: 25 });
const starts = fc.constantFrom(0, 20_000, 60_000, 300_000);
const endOf = (load: readonly Step[]) => load.at(-1)?.atMs ?? 0;
const last = (moments: readonly Moment[]) => moments.at(-1)?.desired;

test('bounds are never broken, and nothing is asked for twice', () => {
  fc.assert(
    fc.property(configs, loads, counts, starts, (config, load, replicas, startMs) => {
      const { minReplicas, maxReplicas } = config;
      const options = { replicas, startMs, untilMs: endOf(load) + 1_000_000 };
      for (const { desired, lookAgainInMs } of replay(load, config, options)) {
        expect(desired).toBeGreaterThanOrEqual(minReplicas);
        expect(desired).toBeLessThanOrEqual(maxReplicas);
        expect(lookAgainInMs ?? 1).toBeGreaterThan(0);
      }
    }),
    { numRuns: 200 },
  );
});

test('in the end there are as many as the load asks for, and nobody looks any more', () => {
  fc.assert(
    fc.property(configs, loads, counts, starts, (config, load, replicas, startMs) => {
      const signal = load.at(-1)?.signal ?? 0;
      const { scaleUpWindowMs, scaleDownWindowMs, idleTimeoutMs } = config;
      const windowsMs = 4 * scaleUpWindowMs + scaleDownWindowMs + idleTimeoutMs;
      const untilMs = endOf(load) + windowsMs + startMs + 10_000;
      const moments = replay(load, config, { replicas, startMs, untilMs });
      const needed = Math.ceil(signal / config.inFlightPerReplica);
      const { minReplicas, maxReplicas } = config;
      expect(last(moments)).toBe(Math.min(maxReplicas, Math.max(minReplicas, needed)));
      expect(moments.at(-1)?.lookAgainInMs).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});

test('no flapping: on a square wave shorter than the windows the replicas settle', () => {
  const waves = fc.record({
    low: fc.integer({ min: 0, max: 100 }),
    high: fc.integer({ min: 0, max: 100 }),
    periodMs: fc.integer({ min: 500, max: 60_000 }),
    share: fc.double({ min: 0.05, max: 0.95, noNaN: true }),
  });
  fc.assert(
    fc.property(waves, starts, ({ low, high, periodMs, share }, startMs) => {
      const config: PolicyConfig = {
        minReplicas: 1,
        maxReplicas: 100,
        inFlightPerReplica: 4,
        scaleUpWindowMs: 30_000,
        scaleDownWindowMs: 61_000,
        idleTimeoutMs: 600_000,
      };
      const settledMs = 200_000 + 2 * startMs;
      const untilMs = settledMs + 700_000;
      const load: Step[] = [];
      for (let atMs = 0; atMs < untilMs; atMs += periodMs) {
        load.push({ atMs, signal: high }, { atMs: atMs + periodMs * share, signal: low });
      }
      const changes = changesOf(replay(load, config, { replicas: 1, startMs, untilMs }));
      expect(changes.filter(([seconds]) => seconds * 1000 > settledMs)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('monotone: of two loads with the same past, the higher one never gets fewer', () => {
  fc.assert(
    fc.property(
      configs,
      loads,
      fc.integer({ min: 0, max: 200 }),
      fc.integer({ min: 0, max: 200 }),
      fc.integer({ min: 0, max: 60_000 }),
      (config, load, one, other, forMs) => {
        const atMs = endOf(load) + 1;
        const end = (signal: number) => {
          const whole = [...load, { atMs, signal }];
          return last(replay(whole, config, { replicas: 1, untilMs: atMs + forMs })) ?? 0;
        };
        expect(end(Math.max(one, other))).toBeGreaterThanOrEqual(end(Math.min(one, other)));
      },
    ),
    { numRuns: 200 },
  );
});

test('a restart changes nothing under a steady load', () => {
  fc.assert(
    fc.property(
      configs,
      fc.integer({ min: 0, max: 200 }),
      fc.integer({ min: 0, max: 2_000_000 }),
      (config, signal, restartAtMs) => {
        const { minReplicas, maxReplicas, inFlightPerReplica } = config;
        const needed = Math.ceil(signal / inFlightPerReplica);
        const replicas = Math.min(maxReplicas, Math.max(minReplicas, needed));
        const untilMs = restartAtMs + 1_000_000;
        const load = [{ atMs: 0, signal }];
        expect(changesOf(replay(load, config, { replicas, untilMs, restartAtMs }))).toEqual([]);
      },
    ),
    { numRuns: 200 },
  );
});

test('after a restart nothing is scaled down before a full window was seen, and the end is the same', () => {
  fc.assert(
    fc.property(configs, loads, fc.nat(), (config, load, at) => {
      const { scaleDownWindowMs, idleTimeoutMs, scaleUpWindowMs, minReplicas } = config;
      const restartAtMs = at % (endOf(load) + 1);
      const untilMs =
        endOf(load) + 2 * scaleUpWindowMs + scaleDownWindowMs + idleTimeoutMs + 10_000;
      const options = { replicas: minReplicas, untilMs };
      const moments = replay(load, config, { ...options, restartAtMs });
      const windowMs = Math.min(scaleDownWindowMs, minReplicas === 0 ? idleTimeoutMs : 1e9);
      for (const { atMs, current, desired } of moments) {
        const isUnseen = atMs >= restartAtMs && atMs < restartAtMs + windowMs;
        if (isUnseen) expect(desired).toBeGreaterThanOrEqual(current);
      }
      expect(last(moments)).toBe(last(replay(load, config, options)));
    }),
    { numRuns: 200 },
  );
});

test('what is remembered stays small however often the signal changes', () => {
  const config: PolicyConfig = {
    minReplicas: 0,
    maxReplicas: 1000,
    inFlightPerReplica: 1,
    scaleUpWindowMs: 30_000,
    scaleDownWindowMs: 300_000,
    idleTimeoutMs: 600_000,
  };
  const seen: Seen = {
    signal: 0,
    isActive: true,
    isComplete: true,
    current: 1,
    ready: 1,
    floor: 0,
    nowMs: 0,
  };
  const memory = remember(seen, config);
  let sizeAtOnce = 0;
  for (let nowMs = 0; nowMs < 100_000; nowMs += 10) {
    decide(memory, config, { ...seen, signal: (nowMs / 10) % 97, nowMs });
    sizeAtOnce = Math.max(sizeAtOnce, memory.history.size);
  }
  expect(sizeAtOnce).toBeLessThan(700);
});
