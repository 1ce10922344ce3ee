import { expect, test } from 'vitest';
import { modelDeployment } from '../testing/fixtures.ts';
import { rolloutOf } from './rollout.ts';

const surgeOf = (spec: Record<string, unknown>) => rolloutOf(modelDeployment(spec).spec).maxSurge;
const accelerator = { profile: 'nvidia' };

test('the successor comes first unless it needs an accelerator of its own', () => {
  expect(surgeOf({})).toBe(1);
  expect(surgeOf({ accelerator })).toBe(0);
  expect(surgeOf({ accelerator, rollout: { maxSurge: 1 } })).toBe(1);
  expect(surgeOf({ rollout: { maxSurge: 0 } })).toBe(0);
  expect(surgeOf({ accelerator, rollout: { maxUnavailable: 0 } })).toBe(1);
});

test('times are as written', () => {
  const { spec } = modelDeployment({ rollout: { drainTimeout: '1m30s', startTimeout: '2h' } });
  expect(rolloutOf(spec)).toMatchObject({ drainTimeoutMs: 90_000, startTimeoutMs: 7_200_000 });
});
