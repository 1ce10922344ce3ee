import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CanaryStatus, canarySpec } from '../../crds/modeldeployment/canary.ts';
import { nowMs } from '../testing/fixtures.ts';
import { type CanaryView, decideCanary } from './policy.ts';
import { emptyTally, type Tally } from './tally.ts';

const spec = canarySpec.parse({
  steps: [
    { weight: 10, pause: '1m' },
    { weight: 50, pause: '2m' },
  ],
  gates: { requests: 10 },
});
const minuteMs = 60_000;

/** So many answers, each as fast as told; some of them failed. */
function tally(requests: number, failures = 0, ttft = 100, tpot = 10): Tally {
  const answered = requests - failures;
  return {
    ...{ requests, failures },
    ...{ ttfts: answered, ttftMs: answered * ttft, ttftMs2: answered * ttft * ttft },
    ...{ tpots: answered, tpotMs: answered * tpot, tpotMs2: answered * tpot * tpot },
  };
}

const view = (rest: Partial<CanaryView> = {}): CanaryView => ({
  ...{ spec, revision: 'new', current: 'old', before: undefined },
  ...{ serves: true, share: 100, late: undefined, canary: emptyTally, stable: emptyTally, nowMs },
  ...rest,
});
const running = (rest: Partial<CanaryStatus> = {}): CanaryStatus => ({
  ...{ phase: 'Running', revision: 'new', stableRevision: 'old', step: 1, weight: 10 },
  ...{ since: new Date(nowMs).toISOString(), message: '' },
  ...rest,
});
const decided = (rest: Partial<CanaryView>) => decideCanary(view(rest)).status;

test('the first rollout of all, and one without a canary, have none', () => {
  expect(decided({ current: undefined })).toBeUndefined();
  expect(decided({ spec: undefined, before: running() })).toBeUndefined();
  expect(decided({ current: 'new' })).toBeUndefined();
});

test('a new revision begins at the first step, whose clock runs once it serves', () => {
  const { status, event } = decideCanary(view({ serves: false }));
  expect(status).toMatchObject({ phase: 'Running', step: 1, weight: 0 });
  expect(status?.since).toBeUndefined();
  expect(status?.message).toMatch(
    /^Step 1 of 2: revision new gets 10 % .* then 50 %; it is compared with revision old\.$/,
  );
  expect(event?.reason).toBe('CanaryStep');
  expect(decided({ before: status, serves: false, share: 0 })).toEqual(status);
  expect(decided({ before: status, serves: false, share: 4 })?.weight).toBe(4);
  expect(decided({ before: status })?.weight).toBe(10);
  expect(decided({ before: status })?.since).toBe(new Date(nowMs).toISOString());
});

test.each([
  ['its pause is not over', minuteMs - 1, tally(50), 1],
  ['too few have been answered', 60 * minuteMs, tally(9), 1],
  ['both are', minuteMs, tally(10), 2],
])('it goes on when both are enough: %s', (_case, afterMs, canary, step) => {
  const status = decided({ before: running(), canary, stable: tally(90), nowMs: nowMs + afterMs });
  expect(status).toMatchObject({ phase: 'Running', step, weight: 10 });
  expect(status?.since === undefined).toBe(step === 2);
});

test('after the last step it is promoted, and stays so until another revision comes', () => {
  const before = running({ step: 2, weight: 50 });
  const { status, event } = decideCanary(
    view({ before, canary: tally(20), stable: tally(20), nowMs: nowMs + 3 * minuteMs }),
  );
  expect(status).toMatchObject({ phase: 'Promoted', weight: 100 });
  expect(event?.reason).toBe('CanaryPromoted');
  expect(decided({ before: status })).toEqual(status);
  expect(decided({ before: status, current: 'new' })).toEqual(status);
  expect(decided({ before: status, current: 'new', revision: 'newer' })).toMatchObject({
    ...{ phase: 'Running', revision: 'newer', stableRevision: 'new', step: 1 },
  });
});

test.each([
  [
    'fails',
    tally(20, 10),
    tally(200),
    /10 of its 20 requests failed, 0 of 200 at the stable revision; 5 percentage points/,
  ],
  ['fails all', tally(3, 3), tally(30), /3 of its 3 requests failed/],
  [
    'is slow to begin',
    tally(20, 0, 400),
    tally(200),
    /mean time to the first token is 400 ms, 100 ms at the stable revision; 150 %/,
  ],
  ['is slow', tally(20, 0, 100, 40), tally(200), /mean time per output token is 40 ms, 10 ms at/],
])(
  'a canary that %s is rolled back, and stays away until the spec changes',
  (_how, canary, stable, says) => {
    const status = decided({ before: running(), canary, stable });
    expect(status).toMatchObject({ phase: 'RolledBack', weight: 0 });
    expect(status?.message).toMatch(says);
    expect(decided({ before: status, canary: tally(100), nowMs: nowMs + 99 * minuteMs })).toEqual(
      status,
    );
    expect(decided({ before: status, revision: 'old' })).toBeUndefined();
    expect(decided({ before: status, revision: 'newer' })?.phase).toBe('Running');
  },
);

test.each([
  ['two failures', tally(2, 2), tally(100)],
  ['as many failures as the stable one', tally(40, 8), tally(400, 80)],
  ['one failure in fifty', tally(50, 1), tally(500)],
  ['nothing to compare with', tally(20, 0, 900), tally(3)],
  ['a fifth slower', tally(20, 0, 120, 12), tally(200)],
])('%s: no reason to go back', (_case, canary, stable) => {
  expect(decided({ before: running(), canary, stable })?.phase).toBe('Running');
});

test('a canary whose replicas take too long is rolled back', () => {
  const status = decided({ before: running(), late: 'its replicas do not serve' });
  expect(status).toMatchObject({ phase: 'RolledBack' });
  expect(status?.message).toBe(
    'Rolled back in step 1 of 2, at 10 % of the requests: its replicas do not serve',
  );
});

test('what it has decided it decides again', () => {
  const tallies = fc
    .record({ requests: fc.nat(100), failures: fc.nat(100), ttft: fc.nat(500), tpot: fc.nat(50) })
    .map(({ requests, failures, ttft, tpot }) =>
      tally(requests, Math.min(failures, requests), ttft, tpot),
    );
  fc.assert(
    fc.property(
      tallies,
      tallies,
      fc.boolean(),
      fc.nat(600_000),
      fc.integer({ min: 1, max: 2 }),
      (canary, stable, serves, afterMs, step) => {
        const at = { canary, stable, serves, share: 5, nowMs: nowMs + afterMs };
        const first = decided({ ...at, before: running({ step, weight: step === 1 ? 10 : 50 }) });
        const isNewStep = first?.step !== step;
        const fresh = { canary: emptyTally, stable: emptyTally };
        const again = {
          ...at,
          ...(isNewStep && fresh),
          serves: serves && !isNewStep,
          share: first?.weight ?? 0,
        };
        expect(decided({ ...again, before: first })).toEqual(first);
      },
    ),
  );
});

test('chance does not roll back: revisions that are the same, whatever they answer', () => {
  // A fixed sequence, so that the test says the same each time.
  let seed = 7;
  const random = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return seed / 0x80000000;
  };
  let rolledBack = 0;
  for (let times = 0; times < 200; times++) {
    const draw = (requests: number): Tally => {
      const sum = { ...emptyTally };
      for (let at = 0; at < requests; at++) {
        const ms = -100 * Math.log(1 - random());
        sum.requests++;
        if (random() < 0.02) sum.failures++;
        sum.ttfts++;
        sum.ttftMs += ms;
        sum.ttftMs2 += ms * ms;
      }
      return sum;
    };
    const status = decided({ before: running(), canary: draw(30), stable: draw(270) });
    if (status?.phase === 'RolledBack') rolledBack++;
  }
  expect(rolledBack).toBeLessThan(4);
});
