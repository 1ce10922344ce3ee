import { execFile } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { tempFolder } from '../../kube/testing/temp-folder.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { ollama } from './ollama.ts';

/** A stand-in for the real program: writes down what it is called with, and serves by sleeping. */
const fakeOllama = `#!/bin/sh
echo "$OLLAMA_HOST $*" >>"$LOG"
case "$1" in
  serve) [ "$OLLAMA_HOST" = 0.0.0.0:11434 ] || exec sleep 60 ;;
  list) [ "$(grep -c list "$LOG")" -gt 2 ] ;;
  create) cat "$4" >>"$LOG" ;;
esac
`;

test('the file is entered under the served name before anybody can connect', async () => {
  const folder = tempFolder();
  const log = join(folder, 'log');
  await writeFile(join(folder, 'ollama'), fakeOllama);
  await chmod(join(folder, 'ollama'), 0o755);
  const { spec } = modelDeployment({ engine: { type: 'Ollama', maxConcurrency: 2 } });
  const input = {
    spec,
    takesAdapters: false,
    adapterPaths: [],
    accelerators: 0,
    servedName: 'org/skiff:1',
    modelPath: '/models/m.gguf',
  };
  const [program = '', ...args] = ollama.command?.(input) ?? [];
  const env = Object.fromEntries(ollama.env(input).map(({ name, value }) => [name, value]));
  await promisify(execFile)(program, args, {
    env: { ...env, LOG: log, PATH: `${folder}:${process.env.PATH}` },
  });
  const lines = (await readFile(log, 'utf8')).trim().split('\n');
  const store = '127.0.0.1:11435';
  expect(lines.filter((line) => !line.endsWith(' list'))).toEqual([
    `${store} serve`,
    `${store} create org/skiff:1 -f /tmp/Modelfile`,
    'FROM /models/m.gguf',
    '0.0.0.0:11434 serve',
  ]);
});
