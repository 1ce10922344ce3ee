import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
  type UpstreamRequest,
} from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Three replicas that keep the responses they make, as vLLM does. */
const replicaNames = ['m-0', 'm-1', 'm-2'];
let upstreams: ScriptedUpstream[];
let router: TestRouter;

beforeEach(async () => {
  upstreams = await Promise.all(replicaNames.map((_, number) => startReplica(number)));
  router = await startTestRouter();
  router.putModel('m', { aliases: ['gpt'] });
  upstreams.forEach(({ port }, number) => {
    router.putPod('m', replicaNames[number] ?? '', port);
  });
  await router.untilReplicas('m', replicaNames.length);
});
afterEach(async () => {
  await router.stop();
  await Promise.all(upstreams.map((upstream) => upstream.stop()));
});

function startReplica(number: number): Promise<ScriptedUpstream> {
  const kept = new Set<string>();
  return startUpstream((request) => answer(request, number, kept));
}

function answer(request: UpstreamRequest, number: number, kept: Set<string>): void {
  const [method, path = ''] = request.head.split(' ');
  const asked = path.split('?')[0]?.split('/')[3];
  if (asked !== undefined) {
    const id = decodeURIComponent(asked);
    sendJson(
      request,
      kept.has(id) ? { id, method, path, by: number } : { lost: id },
      kept.has(id) ? 200 : 404,
    );
    return;
  }
  const body = JSON.parse(request.body.toString());
  const id = `resp_${number}_${request.index}`;
  kept.add(id);
  const previous = body.previous_response_id;
  const response = {
    object: 'response',
    id,
    by: number,
    knows: previous === undefined || kept.has(previous),
  };
  if (!body.stream) {
    sendJson(request, response);
    return;
  }
  beginStream(request);
  const events = ['created', 'completed'].map(
    (type) =>
      `event: response.${type}\ndata: ${JSON.stringify({ response, type: `response.${type}` })}\n\n`,
  );
  request.socket.write(Buffer.concat([...events.map(chunk), chunk('')]));
}

const create = async (fields: object = {}) => {
  const body = JSON.stringify({ model: 'm', ...fields });
  const reply = await fetch(`${router.address}/v1/responses`, { method: 'POST', body });
  return { status: reply.status, text: await reply.text() };
};

const call = async (method: string, path: string) => {
  const reply = await fetch(router.address + path, { method });
  return { status: reply.status, json: (await reply.json()) as Record<string, unknown> };
};

test('a stored response is asked of the replica that made it, under every prefix', async () => {
  for (let turn = 0; turn < 6; turn++) {
    const { id, by } = JSON.parse((await create()).text);
    for (const [method, path] of [
      ['GET', `/v1/responses/${id}?include=x`],
      ['GET', `/responses/${id}/input_items`],
      ['POST', `/openai/v1/responses/${id}/cancel`],
      ['DELETE', `/v1/responses/${id}`],
    ] as const) {
      const canonical = `/v1${path.slice(path.indexOf('/responses'))}`;
      expect(await call(method, path)).toEqual({
        status: 200,
        json: { id, by, method, path: canonical },
      });
    }
  }
});

test('what continues a response goes to the replica that made it', async () => {
  let { id, by } = JSON.parse((await create()).text);
  for (let turn = 0; turn < 8; turn++) {
    const next = JSON.parse((await create({ previous_response_id: id })).text);
    expect(next).toMatchObject({ by, knows: true });
    ({ id, by } = next);
  }
});

test('the id is learned from a stream and under an alias as well, and the stream ends without [DONE]', async () => {
  for (const model of ['m', 'gpt']) {
    const { status, text } = await create({ model, stream: true });
    expect([status, text.includes('"error"')]).toEqual([200, false]);
    const id = /"id":"(resp_\w+)"/.exec(text)?.[1];
    expect((await call('GET', `/v1/responses/${id}`)).json.id).toBe(id);
  }
});

test('an unknown response is a 404 in OpenAI’s shape, and no replica is asked', async () => {
  expect(await call('GET', '/v1/responses/resp_unknown')).toEqual({
    status: 404,
    json: {
      error: {
        message: expect.stringContaining('resp_unknown'),
        type: 'invalid_request_error',
        param: 'response_id',
        code: 'response_not_found',
      },
    },
  });
  expect((await call('GET', '/v1/responses/..%2f..%2fmetrics')).status).toBe(404);
  expect(upstreams.flatMap(({ requests }) => requests)).toEqual([]);
  // What came by way of another router is not known here; an engine answers for itself.
  const { status, text } = await create({ previous_response_id: 'resp_elsewhere' });
  expect([status, JSON.parse(text).knows]).toEqual([200, false]);
});

test('with its replica a response is gone', async () => {
  const { id, by } = JSON.parse((await create()).text);
  router.removePod(replicaNames[by] ?? '');
  await router.untilReplicas('m', 2);
  const { status, json } = await call('GET', `/v1/responses/${id}`);
  expect([status, json.error]).toMatchObject([404, { code: 'response_not_found' }]);
  await eventually('nothing is open', () => router.inFlight() === 0);
});
