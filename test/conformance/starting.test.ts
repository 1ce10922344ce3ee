import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestRouter, type TestRouter } from '../../router/testing/test-router.ts';
import { startLlamaServer } from '../support/engines/llama-server.ts';
import type { EngineProcess } from '../support/engines/process.ts';

let engine: EngineProcess;
let router: TestRouter;

beforeAll(async () => {
  engine = await startLlamaServer(['--alias', 'm', '--parallel', '1', '--threads', '1']);
  router = await startTestRouter();
});
afterAll(async () => {
  await router?.stop();
  await engine?.stop();
});

test('llama-server serves before its kubelet has called it ready, and no more once it is gone', async () => {
  router.putModel('m');
  router.putPod('m', 'm-0', engine.port, { ready: false, healthPath: '/health' });
  await router.untilReplicas('m', 1);
  const answer = await fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Who are you?' }] }),
  });
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain('Skiff');
  await engine.stop();
  await router.untilReplicas('m', 0);
});
