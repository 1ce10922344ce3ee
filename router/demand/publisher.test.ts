import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { fastify } from 'fastify';
import { afterEach, expect, test, vi } from 'vitest';
import { changeDelayMs, DemandReader, demandPath, heartbeatMs } from '../../protocol/demand.ts';
import type { ModelPod } from '../catalog/model.ts';
import { BlockPublisher } from './block-publisher.ts';
import { DemandPublisher } from './publisher.ts';
import { serveDemand } from './serve.ts';
import { type DemandSources, snapshotOf } from './snapshot.ts';

afterEach(() => void vi.useRealTimers());

const pod = (id: string, departing = false): ModelPod => ({
  id,
  namespace: 'models',
  deployment: 'skiff',
  departing,
});

/** A router with these pods, where nobody waits. */
const sources = (pods: readonly ModelPod[], load: DemandSources['load']): DemandSources => ({
  catalog: { models: [], pods: new Map([['models/skiff', pods]]) },
  load,
  ledger: { of: () => undefined },
  waiting: new Map(),
  tenants: [],
});

/** A router with these pods and open requests, and what someone who follows it has been told. */
function followed() {
  vi.useFakeTimers();
  const open = new Map<string, number>();
  let pods = [pod('1'), pod('2')];
  const load = { inFlight: (uid: string) => open.get(uid) ?? 0, pendingTokens: () => 0 };
  const publisher = new DemandPublisher('r', () => snapshotOf(sources(pods, load)));
  const stream = new PassThrough();
  const reader = new DemandReader();
  let lines = 0;
  const read = () => {
    for (let chunk = stream.read(); chunk !== null; chunk = stream.read())
      lines += reader.push(chunk).length;
    return {
      pods: Object.fromEntries(reader.pods),
      models: Object.fromEntries(reader.models),
      lines,
    };
  };
  publisher.follow(stream);
  const set = (now: ModelPod[]) => {
    pods = now;
    publisher.changed();
  };
  const opened = (uid: string, requests: number) => {
    open.set(uid, requests);
    publisher.changed();
  };
  return { publisher, open, opened, read, set, stream };
}

test('the sum over a model’s pods, and each pod that has requests or is draining', () => {
  const inFlight = (uid: string) => ({ a: 2, b: 3 })[uid] ?? 0;
  const pendingTokens = (uid: string) => ({ a: 10.4, b: 20 })[uid] ?? 0;
  const all = [pod('a'), pod('b', true), pod('c'), pod('d', true)];
  const { models, pods } = snapshotOf(sources(all, { inFlight, pendingTokens }));
  expect([...models.values()]).toEqual([
    {
      ...{ namespace: 'models', name: 'skiff', inFlight: 5 },
      ...{ held: 0, pendingTokens: 30, arrivals: 0 },
    },
  ]);
  expect([...pods.values()]).toEqual([
    { uid: 'a', inFlight: 2, draining: false, pendingTokens: 10 },
    { uid: 'b', inFlight: 3, draining: true, pendingTokens: 20 },
    { uid: 'd', inFlight: 0, draining: true, pendingTokens: 0 },
  ]);
});

const pendingTokens = 0;

test('the full state at once, a change soon, a drain from its mark to its last request', () => {
  const { opened, read, set } = followed();
  expect(read()).toEqual({ pods: {}, models: {}, lines: 1 });
  opened('1', 1);
  vi.advanceTimersByTime(changeDelayMs / 2);
  expect(read().models).toMatchObject({ 'models/skiff': { inFlight: 1 } });
  set([pod('1', true), pod('2')]);
  vi.advanceTimersByTime(changeDelayMs / 2);
  expect(read().pods).toEqual({ 1: { uid: '1', inFlight: 1, draining: true, pendingTokens } });
  opened('1', 0);
  vi.advanceTimersByTime(changeDelayMs / 2);
  expect(read().pods).toEqual({ 1: { uid: '1', inFlight: 0, draining: true, pendingTokens } });
  set([pod('2')]);
  vi.advanceTimersByTime(changeDelayMs / 2);
  expect(read().pods).toEqual({});
});

test('changes that come together are one line', () => {
  const { opened, read } = followed();
  for (let requests = 1; requests <= 50; requests++) opened('1', requests);
  vi.advanceTimersByTime(changeDelayMs / 2);
  expect(read()).toMatchObject({ pods: { 1: { inFlight: 50 } }, lines: 2 });
});

test('what is waited for is told without a timer, and what comes with it at the end of the turn', () => {
  const { open, publisher, read } = followed();
  open.set('1', 1);
  publisher.changedNow();
  expect(read().pods).toMatchObject({ 1: { inFlight: 1 } });
  open.set('1', 2);
  publisher.changedNow();
  open.set('2', 1);
  publisher.changedNow();
  expect(read().pods).toMatchObject({ 1: { inFlight: 1 } });
  vi.advanceTimersByTime(0);
  expect(read()).toMatchObject({ pods: { 1: { inFlight: 2 }, 2: { inFlight: 1 } }, lines: 3 });
});

test('a quiet router says so', () => {
  const { read } = followed();
  const { lines } = read();
  vi.advanceTimersByTime(5 * heartbeatMs + 100);
  expect(read().lines - lines).toBe(5);
});

test('who does not read is told the sum of the changes, and costs no memory', () => {
  const { opened, read, stream } = followed();
  for (let change = 1; change <= 5_000; change++) {
    opened('1', change);
    vi.advanceTimersByTime(100);
  }
  expect(stream.readableLength + stream.writableLength).toBeLessThan(200_000);
  read();
  vi.advanceTimersByTime(100);
  expect(read().pods).toMatchObject({ 1: { inFlight: 5_000 } });
});

test('nobody follows: nothing is looked at', async () => {
  const { opened, stream } = followed();
  opened('1', 1);
  expect(vi.getTimerCount()).toBe(2);
  const closed = once(stream, 'close');
  stream.destroy();
  await closed;
  opened('1', 2);
  expect(vi.getTimerCount()).toBe(0);
});

test('over HTTP: lines as they come, and an end when the server closes', async () => {
  const app = fastify({ forceCloseConnections: true });
  const load = { inFlight: () => 2, pendingTokens: () => 0 };
  const publisher = new DemandPublisher('r', () => snapshotOf(sources([pod('1', true)], load)));
  serveDemand(app, publisher, new BlockPublisher(() => []));
  await app.listen({ port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}${demandPath}`);
  expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
  const reader = new DemandReader();
  const body = answer.body?.getReader();
  const { value } = (await body?.read()) ?? {};
  reader.push(value ?? new Uint8Array());
  expect(reader.pods.get('1')).toMatchObject({ uid: '1', inFlight: 2, draining: true });
  const socket = connect(port);
  await once(socket, 'connect');
  socket.write(`GET ${demandPath} HTTP/1.1\r\nhost: x\r\n\r\n`);
  await once(socket, 'data');
  socket.destroy();
  publisher.close();
  await app.close();
  await body?.read().catch(() => {});
});
