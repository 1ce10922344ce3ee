import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, jittered, sleep, systemClock } from './clock.ts';
import { createFakeClock } from './testing/fake-clock.ts';

describe('clock', () => {
  it('sleeps for as long as asked, and wakes at once when aborted', async () => {
    const clock = createFakeClock();
    const events: string[] = [];
    const abort = new AbortController();
    const slept = sleep(clock, 100).then(() => events.push('slept'));
    const woken = sleep(clock, 1_000, abort.signal).then(() => events.push('woken'));
    clock.advance(99);
    await Promise.resolve();
    expect(events).toEqual([]);
    clock.advance(1);
    await slept;
    abort.abort();
    await woken;
    await sleep(clock, 1_000, abort.signal);
    expect(events).toEqual(['slept', 'woken']);
    expect(clock.pending).toBe(0);
  });

  it('does not fire early for a delay beyond what setTimeout can hold', async () => {
    let fired = false;
    const cancel = systemClock.after(2 ** 32, () => {
      fired = true;
    });
    await sleep(systemClock, 20);
    cancel();
    expect(fired).toBe(false);
  });

  it('doubles from its least delay to its greatest, and stretches by less than as much again', () => {
    expect([0, 1, 2, 3, 4, 2_000].map((failures) => backoffMs(failures, 800, 8_000))).toEqual([
      800, 1_600, 3_200, 6_400, 8_000, 8_000,
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), (delayMs) => {
        expect(jittered(delayMs)).toBeGreaterThanOrEqual(delayMs);
        expect(jittered(delayMs)).toBeLessThan(2 * delayMs);
      }),
    );
  });
});
