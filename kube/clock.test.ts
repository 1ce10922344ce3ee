import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBackoff, sleep, systemClock } from './clock.ts';
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

  it('stays between its bounds, at least doubles its floor, and starts over on reset', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 9 }),
        (r) => {
          let index = 0;
          const backoff = createBackoff(800, 30_000, () => r[index++ % r.length] ?? 0);
          for (let attempt = 0; attempt < 9; attempt++) {
            const delayMs = backoff.nextMs();
            expect(delayMs).toBeGreaterThanOrEqual(Math.min(30_000, 800 * 2 ** attempt));
            expect(delayMs).toBeLessThanOrEqual(Math.min(30_000, 1_600 * 2 ** attempt));
          }
          backoff.reset();
          expect(backoff.nextMs()).toBeLessThanOrEqual(1_600);
        },
      ),
    );
  });
});
