import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { serveProgress } from './loader/progress-server.ts';
import { progressText } from './progress-text.ts';

test.each([
  [{ bytes: 3.3e9, totalBytes: 8.1e9 }, '40 %, 3.3 GB of 8.1 GB'],
  [{ bytes: 5e6, totalBytes: null }, '5.0 MB'],
  [{ bytes: 9, totalBytes: 8 }, '100 %, 0.0 MB of 0.0 MB'],
])('%j is %s', (progress, text) => {
  expect(progressText(progress)).toBe(text);
});

test('a loader tells how far it is', async () => {
  const said = { bytes: 1, totalBytes: 2 };
  const server = serveProgress(() => said, 0);
  try {
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).json()).toEqual(said);
    said.bytes = 2;
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).json()).toEqual(said);
  } finally {
    server.close();
  }
});
