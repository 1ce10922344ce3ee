import { expect, test } from 'vitest';
import { hasBeenReady, isReady } from './readiness.ts';
import type { Pod } from './resources.ts';

const startTime = '2026-11-21T12:00:00Z';

function pod(status?: 'True' | 'False', since = startTime): Pod {
  const ready = status && { type: 'Ready', status, lastTransitionTime: since };
  return { status: { startTime, conditions: ready ? [ready] : [] } } as unknown as Pod;
}

test.each([
  ['has no conditions', pod(), false, false],
  ['starts', pod('False'), false, false],
  ['starts, its first seconds apart', pod('False', '2026-11-21T12:00:01Z'), false, false],
  ['is Ready', pod('True', '2026-11-21T12:00:09Z'), true, true],
  ['was Ready', pod('False', '2026-11-21T12:00:09Z'), false, true],
])('a pod that %s', (_case, of, ready, everReady) => {
  expect(isReady(of)).toBe(ready);
  expect(hasBeenReady(of)).toBe(everReady);
});
