import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { tempFolder } from '../../../kube/testing/temp-folder.ts';

const program = join(import.meta.dirname, 'fit-main.ts');
const config = { num_hidden_layers: 32, num_attention_heads: 32, hidden_size: 4096 };

async function judge(availableBytes: number): Promise<string> {
  const folder = tempFolder();
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(join(folder, 'model-00001-of-00001.safetensors'), Buffer.alloc(1_000_000));
  await writeFile(join(folder, 'pytorch_model.bin'), Buffer.alloc(1_000_000));
  const fit = { availableBytes, shown: '90 % of 1 × 24 GiB', contextLength: 8_192 };
  const log = join(folder, 'last-words');
  const env = {
    ...process.env,
    FAIRLEAD_FIT: JSON.stringify(fit),
    FAIRLEAD_TERMINATION_LOG: log,
  };
  return promisify(execFile)(process.execPath, [program, folder], { env }).then(
    () => 'fits',
    () => readFile(log, 'utf8'),
  );
}

/** 512 KiB for each of 8192 tokens. */
const cacheBytes = 4 * 2 ** 30;

test('mounted weights that cannot fit end the pod’s start with the numbers and the remedy', async () => {
  expect(await judge(cacheBytes)).toMatch(
    /0\.0 GiB of weights and 4\.0 GiB of cache for a request of 8192 tokens do not fit into 4\.0 GiB \(90 % of 1 × 24 GiB\): lower spec\.engine\.contextLength/,
  );
});

test('weights that are there in two forms count once', async () => {
  expect(await judge(cacheBytes + 1_500_000)).toBe('fits');
});
