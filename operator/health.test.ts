import { afterEach, expect, test } from 'vitest';
import { createRegistry } from '../telemetry/metrics.ts';
import { type HealthServer, startHealthServer } from './health.ts';

let server: HealthServer | undefined;
afterEach(() => server?.close());

test('metrics are shown, and the process answers', async () => {
  let scrapes = 0;
  server = await startHealthServer({
    port: 0,
    isReady: () => true,
    registry: createRegistry('operator', '1.2.3'),
    beforeScrape: () => void scrapes++,
    log: { error() {} },
  });
  const origin = `http://127.0.0.1:${server.port}`;
  const answer = await fetch(`${origin}/metrics`);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain('fairlead_build_info{program="operator",version="1.2.3"');
  expect(scrapes).toBe(1);
  expect((await fetch(`${origin}/healthz`)).status).toBe(200);
});

test('readiness follows the caches', async () => {
  let isReady = false;
  server = await startHealthServer({
    port: 0,
    isReady: () => isReady,
    registry: createRegistry('operator', '1.2.3'),
    beforeScrape: () => {},
    log: { error() {} },
  });
  const ready = async () => (await fetch(`http://127.0.0.1:${server?.port}/readyz`)).status;
  expect(await ready()).toBe(503);
  isReady = true;
  expect(await ready()).toBe(200);
});
