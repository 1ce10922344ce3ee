import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { imageCatalog, imageNames } from './catalog.ts';

const repository = join(import.meta.dirname, '../..');
const read = (path: string): Promise<string> => readFile(join(repository, path), 'utf8');

test.each(imageNames)(
  'the Dockerfile of %s copies just what its context is given',
  async (name) => {
    const { dockerfile, sources } = imageCatalog[name];
    const text = await read(dockerfile);
    // After the stages that differ between Docker and BASE=prepared.
    const last = text.slice(text.lastIndexOf('\nFROM '));
    const copied = [...last.matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, files = '']) =>
      files.split(' '),
    );
    expect(copied.sort()).toEqual([...sources].sort());
  },
);

test('what Docker sees of the repository is what hack/images stages', async () => {
  const { sources, excluded } = imageCatalog.fairlead;
  const lines = (await read('.dockerignore')).split('\n');
  const allowed = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  expect(allowed.sort()).toEqual([...sources, 'package-lock.json', '.npmrc'].sort());
  for (const pattern of excluded) expect(lines).toContain(pattern);
});

test('the chat example has the version of openai that is installed here', async () => {
  const example = JSON.parse(await read('examples/chat/package.json'));
  const own = JSON.parse(await read('package.json'));
  expect(example.dependencies.openai).toBe(own.devDependencies.openai);
});
