import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { ReplicaLoads } from '../balance/replica-loads.ts';
import { Hold } from '../hold/hold.ts';
import { openRaw, parseAnswer, post } from '../testing/raw-client.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
} from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';
import { Answer } from './answer.ts';
import { Route } from './route.ts';

let upstream: ScriptedUpstream;
let router: TestRouter;

beforeEach(async () => {
  upstream = await startUpstream();
  router = await startTestRouter();
  router.putModel('m');
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await router.stop();
  await upstream.stop();
});

const defect = (): never => {
  throw new TypeError('a defect');
};

const send = (model = 'm') =>
  openRaw(router.address, post('/v1/chat/completions', JSON.stringify({ model, stream: true })));

/** The defect is in the log, the request in the metrics as failed, and the router serves on. */
async function expectTold(): Promise<void> {
  await eventually('the defect is logged', () =>
    router.everyLine.some(([fields]) => 'err' in fields && String(fields.err).includes('a defect')),
  );
  await eventually('the request is logged', () =>
    router.logged.some(({ model, error_type }) => model === 'm' && error_type === '_OTHER'),
  );
  vi.restoreAllMocks();
  upstream.answer = (request) => sendJson(request, { ok: true });
  expect(await send().received(/^HTTP.*\}$/s)).toContain('200 OK');
}

test.each([
  ['the balancer', () => vi.spyOn(ReplicaLoads.prototype, 'of').mockImplementationOnce(defect)],
  ['the route', () => vi.spyOn(Route.prototype, 'next').mockImplementationOnce(defect)],
  ['the hold', () => vi.spyOn(Hold.prototype, 'isBusy').mockImplementationOnce(defect)],
])('%s throws: 500, logged and counted', async (_name, plant) => {
  plant();
  const client = send();
  await client.received(/\}\}$/);
  const { statusLine, body } = parseAnswer(client.text());
  expect(statusLine).toMatch(/^HTTP\/1.1 500 /);
  expect(JSON.parse(body)).toMatchObject({
    error: { type: 'server_error', code: 'internal_error' },
  });
  expect(body).not.toContain('defect');
  await expectTold();
  expect(await router.metrics()).toMatch(/fairlead_requests_total\{[^}]*code="500"[^}]*\} 1/);
});

test('the relay throws in the middle of a stream: an error event, and no end', async () => {
  const planted = vi.spyOn(Answer.prototype, 'data').mockImplementationOnce(defect);
  upstream.answer = (request) => {
    beginStream(request);
    request.socket.write(chunk('data: 1\n\n'));
  };
  const client = send();
  await client.closed();
  const { body, complete } = parseAnswer(client.text());
  expect(body).toMatch(/^data: \{"error":.*"internal_error"\}\}\n\n$/);
  expect(complete).toBe(false);
  expect(planted).toHaveBeenCalled();
  await expectTold();
  await eventually('nothing is open', () => router.inFlight() === 0);
});

test('what throws after the answer is complete harms nobody', async () => {
  vi.spyOn(ReplicaLoads.prototype, 'ended').mockImplementationOnce(defect);
  upstream.answer = (request) => sendJson(request, { ok: true });
  const client = send();
  expect(await client.received(/^HTTP.*\}$/s)).toMatch(/200 OK.*\{"ok":true\}$/s);
  await eventually('the defect is logged', () =>
    router.everyLine.some(([fields]) => 'err' in fields && String(fields.err).includes('a defect')),
  );
  expect(await send().received(/^HTTP.*\}$/s)).toContain('200 OK');
});
