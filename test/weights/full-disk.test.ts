import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { load } from '../../operator/weights/loader/load.ts';

const run = promisify(execFile);
const weights = Buffer.alloc(2_000_000, 'w');
let disk: string;
let hub: Server;
let tellsSize = true;

/** A disk of 1 MiB, and a hub with a model of 2 MB. */
beforeAll(async () => {
  disk = await mkdtemp(join(tmpdir(), 'fairlead-disk-'));
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
  hub = createServer((request, response) => {
    if (request.url?.includes('/resolve/')) {
      response.end(weights);
      return;
    }
    const size = tellsSize ? { size: weights.length } : {};
    response.end(JSON.stringify({ sha: 'c0ffee', siblings: [{ rfilename: 'q4.gguf', ...size }] }));
  }).listen(0, '127.0.0.1');
  await once(hub, 'listening');
});
afterAll(async () => {
  hub?.close();
  await run('umount', [disk]);
  await rmdir(disk);
});

test.each([
  [
    'said before the first byte where the hub tells the size',
    true,
    /^2\.0 MB of weights do not fit on a disk of 1\.0 MB with .* free/,
  ],
  ['said when it is met where nobody tells the size', false, /No space left|no space left|ENOSPC/],
])('a disk that is too small: %s', async (_case, told, says) => {
  tellsSize = told;
  const { port } = hub.address() as AddressInfo;
  const loading = load({
    uri: new URL('hf://org/skiff/q4.gguf'),
    form: 'file',
    folder: `${disk}/${told}`,
    env: { FAIRLEAD_HUB_ENDPOINT: `http://127.0.0.1:${port}` },
    log: () => {},
    patience: { attempts: 2, firstPauseMs: 1 },
  });
  await expect(loading).rejects.toThrow(says);
  await expect(loading).rejects.toThrow(
    /give the node more ephemeral storage or the cache a larger volume/,
  );
});
