import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClusterAccess } from './install.ts';
import { type Condition, isReady, watchModel } from './model-watch.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'model-watch-'));
});
afterEach(() => rm(folder, { recursive: true }));

const ready = (status: string, reason: string): Condition => ({
  ...{ type: 'Ready', status, reason, message: '' },
});
const event = (generation: number, observedGeneration: number, ...conditions: Condition[]) =>
  JSON.stringify({
    type: 'MODIFIED',
    object: { metadata: { generation }, status: { observedGeneration, conditions } },
  });

/** A cluster whose kubectl prints these lines and then does what `end` says. */
async function clusterThatPrints(lines: string[], end: string): Promise<ClusterAccess> {
  const kubectlPath = join(folder, 'kubectl');
  await writeFile(kubectlPath, `#!/bin/sh\ncat <<'EOF'\n${lines.join('\n')}\nEOF\n${end}\n`);
  await chmod(kubectlPath, 0o755);
  return { kubectlPath, kubeconfigPath: '', helmPath: '' };
}

const ref = { namespace: 'default', name: 'skiff' };

test('conditions are shown as they change; ready means ready with the newest spec', async () => {
  const cluster = await clusterThatPrints(
    [
      event(1, 1, ready('False', 'Starting')),
      event(1, 1, ready('False', 'Starting')),
      event(2, 1, ready('True', 'Ready')),
      event(2, 2, ready('True', 'Ready')),
    ],
    'exec sleep 60',
  );
  const shown: string[] = [];
  const watch = watchModel(cluster, ref, ({ reason }) => shown.push(reason));
  const model = await watch.until(isReady, 10_000);
  watch.close();
  expect(model.status?.observedGeneration).toBe(2);
  expect(shown).toEqual(['Starting', 'Ready']);
});

test('at the deadline the conditions are told', async () => {
  const cluster = await clusterThatPrints([event(1, 1, ready('False', 'NoNode'))], 'exec sleep 60');
  const shown = Promise.withResolvers<void>();
  const watch = watchModel(cluster, ref, () => shown.resolve());
  await shown.promise;
  await expect(watch.until(isReady, 10)).rejects.toThrow(/Ready=False\s+NoNode/);
  watch.close();
});

test('a watch that breaks off is an error, not a wait', async () => {
  const cluster = await clusterThatPrints([event(1, 1, ready('False', 'Starting'))], 'exit 1');
  const watch = watchModel(cluster, ref, () => {});
  await expect(watch.until(isReady, 10_000)).rejects.toThrow('the watch ended with status 1');
});
