import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tempFolder } from '../../../kube/testing/temp-folder.ts';
import { download } from './download.ts';
import type { RemoteFile } from './remote-file.ts';
import { type FileServer, type SendOptions, sendFile, startServer } from './testing/file-server.ts';

const content = randomBytes(300_000);
const sha256 = createHash('sha256').update(content).digest('hex');
const patience = { attempts: 5, firstPauseMs: 1 };

let server: FileServer | undefined;
let folder: string;
beforeEach(() => {
  folder = tempFolder();
});
afterEach(async () => {
  await server?.close();
  server = undefined;
});

/** What one request is answered with: the content, unless another is given, or a status. */
type Answer = (SendOptions & { body?: Buffer }) | number;

/** Serves each request with the next answer; the last one stays. */
async function serve(...answers: Answer[]): Promise<FileServer> {
  let turn = 0;
  server = await startServer((request, response) => {
    const answer = answers[Math.min(turn++, answers.length - 1)];
    if (typeof answer === 'number') response.writeHead(answer).end();
    else sendFile(request, response, answer?.body ?? content, answer);
  });
  return server;
}

/** Downloads the file and tells how many bytes were reported. */
async function fetchFile({ origin }: FileServer, rest: Partial<RemoteFile> = {}): Promise<number> {
  const file = {
    path: 'sub/model.gguf',
    url: `${origin}/model.gguf?signature=secret`,
    headers: () => ({}),
    sizeBytes: undefined,
    checksum: undefined,
    ...rest,
  };
  let bytes = 0;
  const onBytes = (count: number) => {
    bytes += count;
  };
  await download(file, folder, { onBytes, log: () => {}, patience });
  return bytes;
}

const checksum = { algorithm: 'sha256', hex: sha256 } as const;
const target = () => readFile(join(folder, 'sub/model.gguf'));
const files = async () => (await readdir(folder, { recursive: true })).sort();

test('a file is there whole, under its name alone', async () => {
  const { asked, ...rest } = await serve({});
  expect(await fetchFile({ asked, ...rest }, { checksum })).toBe(content.length);
  expect(content.equals(await target())).toBe(true);
  expect(await files()).toEqual(['sub', 'sub/model.gguf']);
  expect(asked).toMatchObject([{ range: undefined }]);
});

test.each([
  ['without a checksum', {}],
  ['with one', { checksum }],
  ['with a known size', { sizeBytes: content.length }],
])('a cut goes on where it was, %s', async (_case, rest) => {
  const of = await serve({ cutAfterBytes: 100_000 }, { cutAfterBytes: 50_000 }, 503, {});
  expect(await fetchFile(of, rest)).toBe(content.length);
  expect(content.equals(await target())).toBe(true);
  const from = of.asked.map(({ range }) => Number(/\d+/.exec(range ?? '0')?.[0]));
  expect(from).toHaveLength(4);
  expect(from.toSorted((a, b) => a - b)).toEqual(from);
  expect(from.at(-1)).toBeGreaterThan(0);
});

test('a server without ranges sends all of it anew', async () => {
  const of = await serve({ cutAfterBytes: 100_000 }, { ignoreRange: true });
  expect(await fetchFile(of, { checksum })).toBe(content.length);
  expect(content.equals(await target())).toBe(true);
});

test('a file that changed on the server meanwhile is loaded anew, not patched together', async () => {
  const body = randomBytes(content.length);
  const of = await serve({ body, cutAfterBytes: 100_000, etag: '"old"' }, { etag: '"new"' });
  await fetchFile(of);
  expect(content.equals(await target())).toBe(true);
  expect(of.asked[1]?.range).toMatch(/^bytes=[1-9]/);
});

test('what another process left is continued when a checksum judges the whole', async () => {
  await fetchFile(await serve(404)).catch(() => {});
  await writeFile(join(folder, 'sub/model.gguf.part'), content.subarray(0, 1000));
  const of = await restart({});
  expect(await fetchFile(of, { checksum })).toBe(content.length);
  expect(of.asked).toMatchObject([{ range: 'bytes=1000-' }]);
  expect(content.equals(await target())).toBe(true);
});

test('what another process left is thrown away when nothing judges it', async () => {
  await fetchFile(await serve(404)).catch(() => {});
  await writeFile(join(folder, 'sub/model.gguf.part'), 'something else');
  await fetchFile(await restart({}));
  expect(content.equals(await target())).toBe(true);
});

test('a file that is there is not asked for again', async () => {
  const of = await serve({});
  await fetchFile(of, { checksum });
  expect(await fetchFile(of, { checksum })).toBe(content.length);
  expect(of.asked).toHaveLength(1);
});

test('a wrong checksum: both are told, and nothing is left', async () => {
  const wrong = { algorithm: 'sha256', hex: '0'.repeat(64) } as const;
  const failed = fetchFile(await serve({}), { checksum: wrong });
  await expect(failed).rejects.toThrow(
    new RegExp(
      `^http://127.0.0.1:\\d+/model.gguf: its sha256 is ${sha256}, not 0+: .*changed or damaged`,
    ),
  );
  expect(await files()).toEqual(['sub']);
});

test.each([
  [
    404,
    'NotFound',
    /^HTTP 404 for http:\/\/127.0.0.1:\d+\/model\.gguf: correct spec\.source\.uri$/,
  ],
  [401, 'Unauthorized', /^HTTP 401 for .*: give credentials in spec\.source\.secretName$/],
  [403, 'Unauthorized', /^HTTP 403 for /],
  [400, 'BadSource', /^HTTP 400 for /],
  [503, 'Unreachable', /^HTTP 503 for .*: check the network/],
])('HTTP %i is %s, and no secret of the URL is told', async (status, code, says) => {
  const error = await fetchFile(await serve(status)).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code, message: expect.stringMatching(says) });
  expect(String(error)).not.toContain('signature');
  expect(server?.asked).toHaveLength(status === 503 ? patience.attempts : 1);
});

test('nobody listens: it is tried as often as patience allows, then told', async () => {
  const of = await serve({});
  await of.close();
  server = undefined;
  await expect(fetchFile(of)).rejects.toMatchObject({
    code: 'Unreachable',
    message: expect.stringMatching(/ECONNREFUSED.*: check the network/),
  });
});

async function restart(...answers: SendOptions[]): Promise<FileServer> {
  await server?.close();
  return serve(...answers);
}
