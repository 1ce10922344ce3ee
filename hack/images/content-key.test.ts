import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { contentKey, readSources } from './content-key.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'content-key-'));
  await mkdir(join(root, 'program/testing'), { recursive: true });
  await writeFile(join(root, 'package.json'), '{}');
  await writeFile(join(root, 'program/main.ts'), 'main');
  await writeFile(join(root, 'program/main.test.ts'), 'test');
  await writeFile(join(root, 'program/testing/fake.ts'), 'fake');
});
afterEach(() => rm(root, { recursive: true }));

const read = () => readSources(root, ['package.json', 'program'], ['**/*.test.ts', '**/testing']);
const key = async () => contentKey(['Dockerfile'], await read());

test('a folder stands for the files in it, except those excluded', async () => {
  expect((await read()).map(({ path }) => path)).toEqual(['package.json', 'program/main.ts']);
});

test('the key changes with contents, paths, modes and parts, and with nothing else', async () => {
  const keys = [await key()];
  await writeFile(join(root, 'program/main.test.ts'), 'another test');
  expect(await key()).toBe(keys[0]);

  await writeFile(join(root, 'program/main.ts'), 'changed');
  keys.push(await key());
  await writeFile(join(root, 'program/other.ts'), '');
  keys.push(await key());
  await chmod(join(root, 'program/other.ts'), 0o755);
  keys.push(await key());
  keys.push(contentKey(['another Dockerfile'], await read()));
  expect(new Set(keys).size).toBe(5);
});
