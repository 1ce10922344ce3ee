import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { keyOf } from '../../kube/object.ts';
import type { Handler } from '../../kube/reflector.ts';
import type { Pod } from '../../kube/resources.ts';
import { createStore } from '../../kube/store.ts';
import { pod } from '../testing/fixtures.ts';
import { serveProgress } from './loader/progress-server.ts';
import { followProgress } from './progress.ts';
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

/** Pods that a test sets, seen as through a reflector. */
function podsOf() {
  const store = createStore<Pod>();
  const handlers: Handler<Pod>[] = [];
  return {
    pods: {
      store,
      addHandler(handler: Handler<Pod>) {
        handlers.push(handler);
        return () => {};
      },
    },
    set(pod: Pod) {
      const before = store.get(keyOf(pod));
      store.set(pod);
      for (const handler of handlers) handler(before, pod, 'watch');
    },
  };
}

test('a loader is asked while it runs, and what it said is forgotten with it', async () => {
  const server = serveProgress(() => ({ bytes: 41, totalBytes: 100 }), 0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { pods, set } = podsOf();
  const told = Promise.withResolvers<Pod>();
  const follower = followProgress({ pods, onChange: told.resolve, everyMs: 1, port });
  try {
    const status = (state: object) => ({
      podIP: '127.0.0.1',
      initContainerStatuses: [{ name: 'weights', state }],
    });
    const loading = pod(status({ running: {} }) as unknown as Pod['status'] & object);
    set(loading);
    expect((await told.promise).metadata.uid).toBe(loading.metadata.uid);
    expect(follower.of(loading.metadata.uid)).toEqual({ bytes: 41, totalBytes: 100 });
    set(pod(status({ terminated: {} }) as unknown as Pod['status'] & object));
    expect(follower.of(loading.metadata.uid)).toBeUndefined();
  } finally {
    await follower.stop();
    server.close();
  }
});

test('an answer that is too long is none', async () => {
  let answers = 0;
  const server = createServer((_request, response) => {
    answers += 1;
    response.end(JSON.stringify({ bytes: 41, totalBytes: 100, more: 'x'.repeat(10_000) }));
  });
  await once(server.listen(0), 'listening');
  const { port } = server.address() as AddressInfo;
  const { pods, set } = podsOf();
  const follower = followProgress({ pods, onChange: () => {}, everyMs: 1, port });
  try {
    const state = { running: {} };
    const loader = { podIP: '127.0.0.1', initContainerStatuses: [{ name: 'weights', state }] };
    set(pod(loader as unknown as Pod['status'] & object));
    while (answers < 3) await once(server, 'request');
    expect(follower.of('uid-pod')).toBeUndefined();
  } finally {
    await follower.stop();
    server.close();
  }
});
