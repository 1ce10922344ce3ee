import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../hack/command.ts';
import { buildImages } from '../../hack/images/build.ts';
import { findProgram } from '../../hack/programs/programs.ts';
import { load } from '../../operator/weights/loader/load.ts';
import { waitUntil } from '../support/wait-until.ts';

const program = await findProgram('registry');
if (!program)
  console.error('The tests with a real registry are left out. To include them: make programs');

const model = join(import.meta.dirname, '../models/skiff/tiny-chat.gguf');

/** The loader against a real registry that buildah has pushed the Skiff model's image to. */
describe.skipIf(!program)('oci:// where nodes cannot mount images', () => {
  let folder: string;
  let registry: ChildProcess;
  let host: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-oci-'));
    registry = spawn(program ?? '', ['-port', '0'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    registry.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    const port = await waitUntil('it tells its port', () => /port (\d+)/.exec(said)?.[1]);
    host = `localhost:${port}`;
    const [image] = await buildImages({ names: ['skiff'] });
    const buildah = (...args: string[]) =>
      runCommand('buildah', [
        ...['--storage-driver', 'vfs', '--root', join(folder, 'root')],
        ...['--runroot', join(folder, 'run'), ...args],
      ]);
    const id = (await buildah('pull', `docker-archive:${image?.archivePath}`)).trim();
    await buildah('push', '--tls-verify=false', id, `docker://${host}/models/skiff:1`);
  });
  afterAll(async () => {
    if (registry && registry.exitCode === null) {
      const closed = once(registry, 'close');
      registry.kill('SIGKILL');
      await closed;
    }
    await rm(folder, { recursive: true, force: true });
  });

  const pull = (reference: string, target: string) =>
    load({
      uri: new URL(`oci://${host}/${reference}`),
      form: 'file',
      folder: join(folder, target),
      env: {},
      log: () => {},
      patience: { attempts: 2, firstPauseMs: 1 },
    });

  test('the layers of an image are pulled and unpacked', async () => {
    await pull('models/skiff:1', 'there');
    const pulled = await readFile(join(folder, 'there/model.gguf'));
    expect(pulled.equals(await readFile(model))).toBe(true);
  });

  test('what is not there is named', async () => {
    await expect(pull('models/other:1', 'nothing')).rejects.toThrow(
      /HTTP 404 for http:.*models\/other\/manifests\/1.*correct spec\.source\.uri/,
    );
  });
});
