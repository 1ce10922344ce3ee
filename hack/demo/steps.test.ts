import { expect, test } from 'vitest';
import { StepError, startSteps } from './steps.ts';

test('a failed step says which one, why and where to look', async () => {
  const steps = startSteps(() => {});
  const failing = steps.step(
    'Install',
    () => ['kubectl get pods'],
    async () => {
      throw new Error('no such image');
    },
  );
  await expect(failing).rejects.toThrow(StepError);
  await expect(failing).rejects.toThrow(
    /^Install: failed after \d+\.\d s\nno such image\n\nWhere to look:\n {2}kubectl get pods$/,
  );
});

test('the summary has a line for each step and one for all', async () => {
  const lines: string[] = [];
  const steps = startSteps((line) => lines.push(line));
  expect(
    await steps.step(
      'Build',
      () => [],
      async () => 7,
    ),
  ).toBe(7);
  expect(lines).toEqual([expect.stringMatching(/^\[ +0\.0 s\] Build$/)]);
  expect(steps.summary()).toMatch(/^ +0\.0 s {2}Build\n +0\.0 s {2}In all$/);
});
