import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findProgram } from '../../hack/programs/programs.ts';
import { load } from '../../operator/weights/loader/load.ts';
import type { Form } from '../../operator/weights/weights.ts';
import { waitUntil } from '../support/wait-until.ts';

const program = await findProgram('versitygw');
if (!program)
  console.error('The tests with a real S3 server are left out. To include them: make programs');

const access = { AWS_ACCESS_KEY_ID: 'reader', AWS_SECRET_ACCESS_KEY: 'a-long-secret' };

/** The loader against a real S3 server, which judges every signature, over a folder. */
describe.skipIf(!program)('s3://', () => {
  let server: ChildProcess;
  let folder: string;
  let endpoint: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-s3-'));
    await mkdir(join(folder, 'buckets/models/llama-8b'), { recursive: true });
    const of = (path: string) => join(folder, 'buckets/models', path);
    await writeFile(of('llama-8b/config.json'), '{}');
    await writeFile(of('llama-8b/model (1).safetensors'), 'w'.repeat(300_000));
    await writeFile(of('q4.gguf'), 'g'.repeat(200_000));
    for (let part = 0; part < 1_100; part++)
      await writeFile(of(`many-${String(part).padStart(5, '0')}.json`), `${part}`);
    [server, endpoint] = await startServer(join(folder, 'buckets'));
  });
  afterAll(async () => {
    if (server && server.exitCode === null) {
      const closed = once(server, 'close');
      server.kill('SIGKILL');
      await closed;
    }
    await rm(folder, { recursive: true, force: true });
  });

  const loaded = async (uri: string, form: Form, env: Record<string, string> = access) => {
    const target = await mkdtemp(join(folder, 'target-'));
    await load({
      uri: new URL(uri),
      form,
      folder: target,
      env: { ...env, AWS_ENDPOINT_URL: endpoint },
      log: () => {},
      patience: { attempts: 2, firstPauseMs: 1 },
    });
    return target;
  };

  test('a file', async () => {
    const target = await loaded('s3://models/q4.gguf', 'file');
    expect(await readFile(join(target, 'q4.gguf'), 'utf8')).toBe('g'.repeat(200_000));
  });

  test('a folder with a file whose name has to be escaped', async () => {
    const target = await loaded('s3://models/llama-8b', 'folder');
    expect((await readdir(target)).sort()).toEqual(['config.json', 'model (1).safetensors']);
  });

  test('what takes several pages to list', async () => {
    const target = await loaded('s3://models/', 'folder');
    expect((await readdir(target)).filter((name) => name.startsWith('many-'))).toHaveLength(1_100);
  });

  test.each<[string, string, Record<string, string>, RegExp]>([
    ['a key that is not there', 's3://models/q8.gguf', access, /has no q8\.gguf/],
    ['a bucket that is not there', 's3://nothing/q8.gguf', access, /NoSuchBucket/],
    [
      'a wrong secret',
      's3://models/q4.gguf',
      { ...access, AWS_SECRET_ACCESS_KEY: 'wrong' },
      /SignatureDoesNotMatch.*correct the Secret/,
    ],
    [
      'an unknown access key',
      's3://models/q4.gguf',
      { ...access, AWS_ACCESS_KEY_ID: 'nobody' },
      /XAdminUserNotFound.*correct the Secret/,
    ],
    ['no credentials', 's3://models/q4.gguf', {}, /HTTP 403.*give credentials/],
  ])('%s', async (_case, uri, env, says) => {
    await expect(loaded(uri, 'file', env)).rejects.toThrow(says);
  });
});

/** Another process may take the port before the server does, which then ends; so it is started again. */
async function startServer(buckets: string): Promise<[ChildProcess, string]> {
  for (;;) {
    const port = await freePort();
    const account = [
      '--access',
      access.AWS_ACCESS_KEY_ID,
      '--secret',
      access.AWS_SECRET_ACCESS_KEY,
    ];
    const args = ['--port', `127.0.0.1:${port}`, ...account, 'posix', buckets];
    const server = spawn(program ?? '', args, { stdio: 'ignore' });
    const endpoint = `http://127.0.0.1:${port}`;
    const answers = await waitUntil('the S3 server answers', async () =>
      server.exitCode === null ? (await fetch(endpoint)).status > 0 : false,
    );
    if (answers && server.exitCode === null) return [server, endpoint];
  }
}

/** A port that nothing listens on now. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
