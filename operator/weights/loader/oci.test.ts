import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { tempFolder } from '../../../kube/testing/temp-folder.ts';
import { load } from './load.ts';
import { type FileServer, sendFile, startServer } from './testing/file-server.ts';

let registry: FileServer | undefined;
afterEach(() => registry?.close());

const digestOf = (content: string | Buffer) =>
  `sha256:${createHash('sha256').update(content).digest('hex')}`;
const types = 'application/vnd.oci.image';

/** A tar archive of these files. */
async function tar(files: Record<string, string>): Promise<Buffer> {
  const folder = tempFolder();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const options = { encoding: 'buffer', maxBuffer: 1e8 } as const;
  return (await promisify(execFile)('tar', ['-C', folder, '-c', '.'], options)).stdout;
}

/** A stand-in that answers as a registry does: `models/skiff:1`, to those who have its token. */
async function startRegistry({ cutFirst = false, user = 'me:secret' } = {}) {
  const first = gzipSync(await tar({ 'model.gguf': 'old', 'hf/config.json': '{}' }));
  const second = zstdCompressSync(await tar({ 'model.gguf': 'w'.repeat(50_000) }));
  const layers = [
    { mediaType: `${types}.layer.v1.tar+gzip`, digest: digestOf(first), size: first.length },
    { mediaType: `${types}.layer.v1.tar+zstd`, digest: digestOf(second), size: second.length },
  ];
  const image = JSON.stringify({ layers });
  const other = { mediaType: `${types}.manifest.v1+json`, size: 1 };
  const index = JSON.stringify({
    manifests: [
      { ...other, digest: digestOf('other'), platform: { os: 'linux', architecture: 'mips' } },
      ...['amd64', 'arm64'].map((architecture) => ({
        ...other,
        digest: digestOf(image),
        platform: { os: 'linux', architecture },
      })),
    ],
  });
  const contents = new Map<string, string | Buffer>([
    [`manifests/1`, index],
    [`manifests/${digestOf(index)}`, index],
    [`manifests/${digestOf('tampered')}`, index],
    [`manifests/${digestOf(image)}`, image],
    [`blobs/${digestOf(first)}`, first],
    [`blobs/${digestOf(second)}`, second],
    [`manifests/artifact`, JSON.stringify({ layers: [{ ...layers[0], mediaType: 'text/plain' }] })],
  ]);
  let isCut = !cutFirst;
  const asked: string[] = [];
  const server = await startServer((request, response, { pathname, searchParams }) => {
    asked.push(pathname);
    if (pathname === '/token') {
      const isKnown =
        request.headers.authorization === `Basic ${Buffer.from(user).toString('base64')}`;
      expect(searchParams.get('scope')).toBe('repository:models/skiff:pull');
      response.writeHead(isKnown ? 200 : 401).end('{"token":"good","expires_in":300}');
      return;
    }
    if (request.headers.authorization !== 'Bearer good') {
      const realm = `Bearer realm="${server.origin}/token",service="registry"`;
      response.writeHead(401, { 'www-authenticate': realm }).end();
      return;
    }
    const content = contents.get(pathname.replace('/v2/models/skiff/', ''));
    if (content === undefined) return void response.writeHead(404).end();
    const isBlob = typeof content !== 'string';
    const cutAfterBytes = isBlob && !isCut ? 20 : undefined;
    isCut ||= cutAfterBytes !== undefined;
    sendFile(request, response, Buffer.from(content), { cutAfterBytes });
  });
  registry = server;
  return { host: server.origin.replace('http://', ''), asked, indexDigest: digestOf(index) };
}

async function pullSecret(host: string): Promise<string> {
  const folder = tempFolder();
  await mkdir(join(folder, 'pull-secret-0'));
  const auth = Buffer.from('me:secret').toString('base64');
  const config = { auths: { 'other.example': { auth: 'x' }, [`https://${host}/v1/`]: { auth } } };
  await writeFile(join(folder, 'pull-secret-0/.dockerconfigjson'), JSON.stringify(config));
  return folder;
}

async function pull(reference: string, secrets?: string): Promise<string> {
  const folder = tempFolder();
  await pullInto(folder, reference, secrets);
  return folder;
}

const pullInto = (folder: string, reference: string, secrets?: string) =>
  load({
    uri: new URL(`oci://${reference}`),
    form: 'file',
    folder,
    env: { FAIRLEAD_PULL_SECRETS: secrets },
    log: () => {},
    patience: { attempts: 3, firstPauseMs: 1 },
  });

test('an image is pulled with the pod’s secret, layer over layer, and goes on after a cut', async () => {
  const { host, asked } = await startRegistry({ cutFirst: true });
  const secrets = await pullSecret(host);
  const folder = await pull(`${host}/models/skiff:1?file=model.gguf`, secrets);
  expect(await readFile(join(folder, 'model.gguf'), 'utf8')).toBe('w'.repeat(50_000));
  expect(await readFile(join(folder, 'hf/config.json'), 'utf8')).toBe('{}');
  expect(asked.filter((path) => path === '/token')).toHaveLength(1);
  const before = asked.length;
  await pullInto(folder, `${host}/models/skiff:1?file=model.gguf`, secrets);
  const again = asked.slice(before).filter((path) => path.includes('/blobs/'));
  expect(again).toEqual([]);
  expect(await readFile(join(folder, 'model.gguf'), 'utf8')).toBe('w'.repeat(50_000));
});

test('by its digest, which is checked', async () => {
  const { host, indexDigest } = await startRegistry();
  const secrets = await pullSecret(host);
  await pull(`${host}/models/skiff:old@${indexDigest}`, secrets);
  await expect(pull(`${host}/models/skiff@${digestOf('tampered')}`, secrets)).rejects.toThrow(
    /the manifest sha256:\w+ of .* is sha256:/,
  );
});

test.each([
  [
    'no secret',
    'models/skiff:1',
    false,
    /HTTP 401 for http:.*\/token: name a Secret .*imagePullSecrets/,
  ],
  ['a tag that is not there', 'models/skiff:2', true, /HTTP 404 for http:.*manifests\/2/],
  ['what is no image', 'models/skiff:artifact', true, /is no image: it has text\/plain/],
])('%s', async (_case, reference, hasSecret, says) => {
  const { host } = await startRegistry();
  const secrets = hasSecret ? await pullSecret(host) : undefined;
  await expect(pull(`${host}/${reference}`, secrets)).rejects.toThrow(says);
});
