import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { tempFolder } from '../../../kube/testing/temp-folder.ts';
import { load } from './load.ts';
import { type FileServer, sendFile, startServer } from './testing/file-server.ts';

const commit = 'c0ffee';
const weights = randomBytes(100_000);
const sha256 = createHash('sha256').update(weights).digest('hex');
const text = (path: string) => Buffer.from(`content of ${path}`);

let servers: FileServer[] = [];
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
});

interface Hub {
  /** Paths of the model's files; those of weights are kept as the hub keeps large files. */
  paths: string[];
  /** Answers this to the files, with the hub's header that says why. */
  refuse?: [status: number, code: string];
  /** Answers this to the question for the model. */
  refuseModel?: [status: number, code: string];
  cutFirst?: boolean;
}

const isLarge = (path: string) => /\.(gguf|safetensors|bin)$/.test(path);

/** Speaks the hub's API: the model's files with sizes and checksums, resolve, the redirect to its store. */
async function startHub({ paths, refuse, refuseModel, cutFirst }: Hub) {
  let isCut = !cutFirst;
  const store = await startServer((request, response, { pathname }) => {
    const content = isLarge(pathname) ? weights : text(pathname.slice(1));
    const cutAfterBytes = isCut || !isLarge(pathname) ? undefined : 40_000;
    isCut ||= cutAfterBytes !== undefined;
    sendFile(request, response, content, { cutAfterBytes });
  });
  const hub = await startServer((_request, response, { pathname }) => {
    const [, file] = /^\/org\/m\/resolve\/c0ffee\/(.*)$/.exec(pathname) ?? [];
    const refused = file === undefined ? refuseModel : refuse;
    if (refused) {
      response.writeHead(refused[0], { 'x-error-code': refused[1] }).end();
    } else if (file !== undefined) {
      response.writeHead(302, { location: `${store.origin}/${file}?signed=1` }).end();
    } else if (/^\/api\/models\/org\/m\/revision\/(main|v1%2Fb)$/.test(pathname)) {
      const siblings = paths.map((rfilename) => ({
        rfilename,
        size: isLarge(rfilename) ? weights.length : text(rfilename).length,
        ...(isLarge(rfilename) && { lfs: { sha256, size: weights.length } }),
      }));
      response.end(JSON.stringify({ sha: commit, siblings }));
    }
  });
  servers.push(store, hub);
  return { hub, store };
}

async function loadFrom(
  { hub }: { hub: FileServer },
  uri: string,
  form: 'file' | 'folder',
  env: Record<string, string> = {},
) {
  const folder = tempFolder();
  const lines: string[] = [];
  const result = load({
    uri: new URL(uri),
    form,
    folder,
    env: { HF_ENDPOINT: `${hub.origin}/`, ...env },
    log: (line) => lines.push(line),
    patience: { attempts: 5, firstPauseMs: 1 },
  });
  const files = async () =>
    (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .sort();
  return { result, folder, files, lines };
}

const folderPaths = [
  '.gitattributes',
  'LICENSE',
  'README.md',
  'config.json',
  'model-00001-of-00002.safetensors',
  'model-00002-of-00002.safetensors',
  'model.q4.gguf',
  'onnx/model.onnx',
  'original/consolidated.00.pth',
  'pytorch_model.bin',
  'tokenizer.json',
  'tokenizer.model',
  'vision/config.json',
];

test('a folder: what an engine reads, safetensors before other formats, of one commit', async () => {
  const of = await startHub({ paths: folderPaths, cutFirst: true });
  const { result, files, folder, lines } = await loadFrom(of, 'hf://org/m', 'folder', {
    HF_TOKEN: 'hf_secret\n',
  });
  await result;
  expect(await files()).toEqual([
    'config.json',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'tokenizer.json',
    'tokenizer.model',
    'vision/config.json',
  ]);
  expect(weights.equals(await readFile(join(folder, 'model-00002-of-00002.safetensors')))).toBe(
    true,
  );
  expect(await readFile(join(folder, 'vision/config.json'))).toEqual(text('vision/config.json'));
  expect(of.store.asked.some(({ range }) => range?.startsWith('bytes='))).toBe(true);
  expect(of.hub.asked.map(({ authorization }) => new Set([authorization]))).toEqual(
    of.hub.asked.map(() => new Set(['Bearer hf_secret'])),
  );
  // The store's address is signed; the token stays with the hub.
  expect(of.store.asked.every(({ authorization }) => authorization === undefined)).toBe(true);
  expect(lines.join('\n')).not.toContain('hf_secret');
  expect(lines.join('\n')).toMatch(/6 files, 0\.2 MB.*config\.json is there/s);
});

test('weights as .bin are taken where there are no safetensors, and a folder of the model alone', async () => {
  const paths = ['a/config.json', 'a/pytorch_model.bin', 'b/config.json'];
  const of = await startHub({ paths });
  const { result, files } = await loadFrom(of, 'hf://org/m/a?revision=v1/b', 'folder');
  await result;
  expect(await files()).toEqual(['config.json', 'pytorch_model.bin']);
});

test('a file, and all parts of one that is split', async () => {
  const parts = ['q8/x-00001-of-00002.gguf', 'q8/x-00002-of-00002.gguf'];
  const of = await startHub({ paths: [...parts, 'q8/y-00001-of-00002.gguf', 'q4.gguf'] });
  const one = await loadFrom(of, 'hf://org/m/q4.gguf', 'file');
  await one.result;
  expect(await one.files()).toEqual(['q4.gguf']);
  const both = await loadFrom(of, 'hf://org/m/q8/x-00001-of-00002.gguf', 'file');
  await both.result;
  expect(await both.files()).toEqual(['x-00001-of-00002.gguf', 'x-00002-of-00002.gguf']);
});

const withToken = { HF_TOKEN: 'hf_secret' };
test.each<[string, Hub, Record<string, string>, string, RegExp]>([
  [
    'a gated model without a token',
    { paths: ['q4.gguf'], refuse: [401, 'GatedRepo'] },
    {},
    'Gated',
    /^HTTP 401: http:\/\/.*\/org\/m is gated: accept its licence on the hub and give the token/,
  ],
  [
    'a gated model with a token whose account has not accepted',
    { paths: ['q4.gguf'], refuse: [403, 'GatedRepo'] },
    withToken,
    'Gated',
    /^HTTP 403: .* is gated: accept its licence/,
  ],
  [
    'a model that does not exist, or is private',
    { paths: [], refuseModel: [401, 'RepoNotFound'] },
    {},
    'Unauthorized',
    /^HTTP 401: .*\/org\/m does not exist, or is private: give credentials/,
  ],
  [
    'a model that the token does not see',
    { paths: [], refuseModel: [404, 'RepoNotFound'] },
    withToken,
    'NotFound',
    /^HTTP 404: .*\/org\/m does not exist, or is private, or the token does not see it: correct/,
  ],
  [
    'a revision that does not exist',
    { paths: [], refuseModel: [404, 'RevisionNotFound'] },
    {},
    'NotFound',
    /\/org\/m has no revision main: correct spec\.source\.uri/,
  ],
  [
    'a file that does not exist, with those that do',
    { paths: ['q5.gguf', 'q8.gguf', 'README.md'] },
    {},
    'NotFound',
    /^org\/m at main has no q4\.gguf; it has q5\.gguf, q8\.gguf: correct/,
  ],
])('%s', async (_case, hub, env, code, says) => {
  const { result } = await loadFrom(await startHub(hub), 'hf://org/m/q4.gguf', 'file', env);
  const error = await result.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code, message: expect.stringMatching(says) });
  expect(String(error)).not.toContain('hf_secret');
});

test('weights that cannot fit are refused before they are loaded', async () => {
  const of = await startHub({ paths: folderPaths });
  const fit = { availableBytes: 150_000, shown: '90 % of 1 × 24 GiB' };
  const env = { FAIRLEAD_FIT: JSON.stringify(fit) };
  const { result, files } = await loadFrom(of, 'hf://org/m', 'folder', env);
  await expect(result).rejects.toMatchObject({
    code: 'TooLarge',
    message: expect.stringMatching(
      /^0\.0 GiB of weights do not fit into 0\.0 GiB \(90 % of 1 × 24/,
    ),
  });
  expect(await files()).toEqual([]);
});

test('the operator’s endpoint holds where the Secret names none', async () => {
  const of = await startHub({ paths: ['q4.gguf'] });
  const env = { HF_ENDPOINT: '', FAIRLEAD_HUB_ENDPOINT: of.hub.origin };
  const { result, files } = await loadFrom(of, 'hf://org/m/q4.gguf', 'file', env);
  await result;
  expect(await files()).toEqual(['q4.gguf']);
});
