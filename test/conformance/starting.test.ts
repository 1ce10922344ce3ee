import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { demandOf } from '../../router/testing/held.ts';
import { startTestRouter, type TestRouter } from '../../router/testing/test-router.ts';
import { runPython } from '../e2e/python.ts';
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

test('the Python SDK reads an answer and a stream that waited for a replica, and the deadline of those that waited in vain', async () => {
  const late = await startLlamaServer(['--alias', 'late', '--parallel', '2', '--threads', '1']);
  const demand = demandOf(router, 'late');
  try {
    router.putModel('late');
    router.putModel('never', { hold: { timeout: '3s' } });
    const asked = runPython('held.py', ['late', 'never'], {
      OPENAI_BASE_URL: `${router.address}/v1`,
      OPENAI_API_KEY: 'none',
    });
    // The second one is asked for once the first has the head of its stream.
    await Promise.race([eventually('both are held', () => demand.told()?.held === 2), asked]);
    router.putPod('late', 'late-0', late.port);
    const answer = { answer: 'I am Skiff, a tiny language model served by Fairlead.' };
    const deadline = { type: 'service_unavailable', code: 'hold_timeout' };
    expect(await asked).toEqual({
      late: { streamed: answer, plain: answer },
      never: {
        // Its head is sent: the error comes as an event.
        streamed: { ...deadline, error: 'APIError', status: null, waits: false },
        plain: { ...deadline, error: 'InternalServerError', status: 503, waits: true },
      },
    });
  } finally {
    await demand.stop();
    await late.stop();
  }
});
