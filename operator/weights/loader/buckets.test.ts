import { execFile } from 'node:child_process';
import { createHash, createVerify, generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../../kube/testing/temp-folder.ts';
import { listHttps } from './https.ts';
import { load } from './load.ts';
import { type FileServer, sendFile, startServer } from './testing/file-server.ts';

const content = Buffer.from('the weights');
const md5 = createHash('md5').update(content).digest('base64');

let server: FileServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function loadFrom(uri: string, form: 'file' | 'folder', env: Record<string, string>) {
  const folder = tempFolder();
  const patience = { attempts: 2, firstPauseMs: 1 };
  await load({ uri: new URL(uri), form, folder, env, log: () => {}, patience });
  return (path: string) => readFile(join(folder, path));
}

describe('S3, on a stand-in that answers as S3 does', () => {
  const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
  const error = (code: string) => `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`;

  test('a folder over two pages of its listing', async () => {
    server = await startServer((request, response, { pathname, searchParams }) => {
      if (pathname !== '/bucket/') return sendFile(request, response, content);
      const isSecond = searchParams.get('continuation-token') === 'a+b/c=';
      const [key, next] = isSecond
        ? ['m/sub%20dir/tokenizer.json', '']
        : ['m/config.json', '<NextContinuationToken>a+b/c=</NextContinuationToken>'];
      const item = `<Contents><Key>${key}</Key><Size>${content.length}</Size></Contents>`;
      response.end(`<ListBucketResult>${item}${next}</ListBucketResult>`);
    });
    const env = { ...keys, AWS_ENDPOINT_URL: server.origin };
    const read = await loadFrom('s3://bucket/m/', 'folder', env);
    expect(await read('config.json')).toEqual(content);
    expect(await read('sub dir/tokenizer.json')).toEqual(content);
    expect(server.asked.map(({ path }) => path)).toContain('/bucket/m/sub%20dir/tokenizer.json');
    for (const { authorization } of server.asked)
      expect(authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=id\/\d{8}\/us-east-1\/s3/);
  });

  test.each<[string, number, string, Record<string, string>, string, RegExp]>([
    ['no bucket', 404, error('NoSuchBucket'), {}, 'NotFound', /s3:\/\/bucket \(NoSuchBucket\)/],
    ['no access', 403, error('AccessDenied'), {}, 'Unauthorized', /AccessDenied.*credentials/],
    ['a wrong key', 403, error('SignatureDoesNotMatch'), {}, 'BadCredentials', /Secret/],
    [
      'another region',
      301,
      error('PermanentRedirect'),
      { 'x-amz-bucket-region': 'eu-west-1' },
      'BadCredentials',
      /which is in eu-west-1, not in AWS_REGION/,
    ],
    ['nothing there', 200, '<ListBucketResult/>', {}, 'NotFound', /s3:\/\/bucket has no m\//],
  ])('%s', async (_case, status, body, headers, code, says) => {
    server = await startServer((_request, response) =>
      response.writeHead(status, headers).end(body),
    );
    const env = { ...keys, AWS_ENDPOINT_URL: server.origin };
    await expect(loadFrom('s3://bucket/m/', 'folder', env)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(says),
    });
  });

  test('half of the credentials is an early, clear error', async () => {
    const env = { AWS_ACCESS_KEY_ID: 'id' };
    await expect(loadFrom('s3://bucket/m/', 'folder', env)).rejects.toMatchObject({
      code: 'BadCredentials',
    });
  });
});

describe('Google Cloud Storage, on a stand-in that answers as its JSON API does', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

  test('a service account’s token, a listing in pages, the object’s MD5', async () => {
    let assertion = '';
    server = await startServer(async (request, response, { pathname, searchParams }) => {
      if (pathname === '/token') {
        const body = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
        assertion = body.get('assertion') ?? '';
        response.end(JSON.stringify({ access_token: 'short-lived' }));
      } else if (pathname === '/storage/v1/b/bucket/o') {
        const name = searchParams.get('pageToken') ? 'm/tokenizer.json' : 'm/config.json';
        const item = { name, size: String(content.length), md5Hash: md5 };
        const next = searchParams.get('pageToken') ? {} : { nextPageToken: '2' };
        response.end(JSON.stringify({ items: [item], ...next }));
      } else if (searchParams.get('alt') === 'media') sendFile(request, response, content);
    });
    const key = {
      client_email: 'loader@project.example',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      token_uri: `${server.origin}/token`,
    };
    const read = await loadFrom('gs://bucket/m', 'folder', {
      STORAGE_EMULATOR_HOST: server.origin,
      GOOGLE_CREDENTIALS: JSON.stringify(key),
    });
    expect(await read('config.json')).toEqual(content);
    expect(await read('tokenizer.json')).toEqual(content);
    const [head, claims, signature = ''] = assertion.split('.');
    const verify = createVerify('RSA-SHA256').update(`${head}.${claims}`);
    expect(verify.verify(publicKey, signature, 'base64url')).toBe(true);
    expect(server.asked).toContainEqual({
      path: '/storage/v1/b/bucket/o/m%2Ftokenizer.json?alt=media',
      range: undefined,
      authorization: 'Bearer short-lived',
    });
  });

  test('a damaged object is not kept', async () => {
    server = await startServer((request, response, { searchParams }) => {
      if (searchParams.get('alt')) return sendFile(request, response, Buffer.from('the weighst'));
      const item = { name: 'q4.gguf', size: String(content.length), md5Hash: md5 };
      response.end(JSON.stringify({ items: [item] }));
    });
    const env = { STORAGE_EMULATOR_HOST: server.origin };
    await expect(loadFrom('gs://bucket/q4.gguf', 'file', env)).rejects.toMatchObject({
      code: 'ChecksumMismatch',
    });
  });

  test('credentials that are none are told without what they hold', async () => {
    const env = { GOOGLE_CREDENTIALS: 'not-json-but-secret' };
    const error = await loadFrom('gs://bucket/m', 'folder', env).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'BadCredentials' });
    expect(String(error)).not.toContain('not-json');
  });
});

test('https: the fragment judges the file and stays here, the header goes along', async () => {
  server = await startServer((request, response) => sendFile(request, response, content));
  const sha256 = createHash('sha256').update(content).digest('hex');
  const [file] = await listHttps({
    uri: new URL(`${server.origin}/a/q%204.gguf?x=1#sha256=${sha256}`),
    form: 'file',
    env: { AUTHORIZATION: 'Bearer t\n' },
  });
  expect(file).toMatchObject({
    path: 'q 4.gguf',
    url: `${server.origin}/a/q%204.gguf?x=1`,
    checksum: { algorithm: 'sha256', hex: sha256 },
  });
  expect(await file?.headers()).toEqual({ authorization: 'Bearer t' });
});

test('main: its last words are the container’s termination message, and it ends with 1', async () => {
  server = await startServer((_request, response) => response.writeHead(404).end());
  const folder = tempFolder();
  const args = [join(import.meta.dirname, 'main.ts'), 'hf://org/m/a.gguf', 'file', folder];
  const env = {
    PATH: process.env.PATH,
    HF_ENDPOINT: server.origin,
    FAIRLEAD_TERMINATION_LOG: join(folder, 'log'),
  };
  const code = await new Promise((resolve) =>
    execFile(process.execPath, args, { env }, (error) => resolve(error?.code)),
  );
  expect(code).toBe(1);
  expect(await readFile(join(folder, 'log'), 'utf8')).toMatch(
    /^HTTP 404: http:\/\/.*\/org\/m does not exist, or is private/,
  );
});
