import {
  type Client,
  credentials,
  makeClientConstructor,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import type { DemandListener, ModelLoad } from '../demand/routers.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { externalScaler } from './protocol.ts';
import { serveKeda } from './server.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
});

type Unary = (
  question: object,
  done: (error: ServiceError | null, answer: unknown) => void,
) => unknown;

/** The scaler, and KEDA's side of it. */
async function scaler() {
  const load: ModelLoad = { inFlight: 0, held: 0, isComplete: true };
  const listeners = new Set<DemandListener>();
  const sources = {
    modelOf: (key: string) =>
      key === 'models/skiff' ? modelDeployment({ engine: { type: 'vLLM' } }) : undefined,
    loadOf: () => load,
  };
  const server = await serveKeda(0, sources, {
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  const Scaler = makeClientConstructor(externalScaler, 'ExternalScaler');
  const client = new Scaler(`127.0.0.1:${server.port}`, credentials.createInsecure());
  cleanUp.push(
    () => server.close(),
    () => client.close(),
  );
  const call = (method: string, question: object) =>
    new Promise<unknown>((resolve, reject) => {
      const ask = (client as unknown as Record<string, Unary>)[method] as Unary;
      ask.call(client as Client, question, (error, answer) =>
        error ? reject(error) : resolve(answer),
      );
    });
  return {
    server,
    client,
    call,
    listeners,
    say(inFlight: number, held: number) {
      Object.assign(load, { inFlight, held });
      for (const { onModel } of listeners) onModel?.('models/skiff');
    },
    load,
  };
}

const trigger = (metadata: Record<string, string> = { model: 'skiff' }) => ({
  name: 'scaled',
  namespace: 'models',
  scalerMetadata: metadata,
});

test('it is active while something is in flight or held', async () => {
  const { call, say } = await scaler();
  expect(await call('IsActive', trigger())).toEqual({ result: false });
  say(0, 1);
  expect(await call('IsActive', trigger())).toEqual({ result: true });
});

test('the metric is what is in flight and held, and its target that of the engine or the trigger', async () => {
  const { call, say } = await scaler();
  say(7, 2);
  expect(await call('GetMetrics', { scaledObjectRef: trigger(), metricName: 'x' })).toEqual({
    metricValues: [{ metricName: 'fairlead_demand', metricValue: 9, metricValueFloat: 9 }],
  });
  expect(await call('GetMetricSpec', trigger())).toEqual({
    metricSpecs: [{ metricName: 'fairlead_demand', targetSize: 256, targetSizeFloat: 256 }],
  });
  const given = trigger({ model: 'skiff', inFlightPerReplica: '12' });
  expect(await call('GetMetricSpec', given)).toMatchObject({ metricSpecs: [{ targetSize: 12 }] });
});

const streamIsActive = (client: Client) =>
  (
    client as unknown as Record<
      string,
      (ref: object) => ReturnType<Client['makeServerStreamRequest']>
    >
  ).StreamIsActive!.call(client, trigger());

test('a stream is told of the first request at once, and when there is none any more', async () => {
  const { client, say, listeners } = await scaler();
  const told: boolean[] = [];
  const stream = streamIsActive(client);
  stream.on('data', ({ result }: { result: boolean }) => told.push(result));
  stream.on('error', () => {});
  await eventually('the state is told', () => told.length === 1);
  say(0, 1);
  say(1, 0);
  await eventually('the request is told', () => told.length === 2);
  say(0, 0);
  await eventually('its end is told', () => told.length === 3);
  expect(told).toEqual([false, true, false]);
  stream.cancel();
  await eventually('nobody listens any more', () => listeners.size === 0);
});

test('a server that closes ends its streams as complete', async () => {
  const { client, server, listeners } = await scaler();
  const stream = streamIsActive(client);
  const ended = new Promise((resolve) => stream.on('status', resolve));
  stream.on('data', () => {}).on('error', () => {});
  await eventually('it is followed', () => listeners.size === 1);
  await server.close();
  expect(await ended).toMatchObject({ code: status.OK });
  await eventually('nobody listens any more', () => listeners.size === 0);
});

test.each([
  [
    'without a model',
    'IsActive',
    trigger({}),
    status.INVALID_ARGUMENT,
    /metadata\.model is missing/,
  ],
  [
    'for a model that is not there',
    'GetMetricSpec',
    trigger({ model: 'x' }),
    status.NOT_FOUND,
    /models\/x/,
  ],
  [
    'with a target that is none',
    'GetMetricSpec',
    trigger({ model: 'skiff', inFlightPerReplica: '0' }),
    status.INVALID_ARGUMENT,
    /whole number from 1, not "0"/,
  ],
])('a trigger %s is told what is wrong', async (_, method, ref, code, says) => {
  const { call } = await scaler();
  await expect(call(method, ref)).rejects.toMatchObject({
    code,
    details: expect.stringMatching(says),
  });
});

test('while the load is not known there is no metric', async () => {
  const { call, load } = await scaler();
  load.isComplete = false;
  const asked = call('GetMetrics', { scaledObjectRef: trigger(), metricName: 'x' });
  await expect(asked).rejects.toMatchObject({ code: status.UNAVAILABLE });
  await expect(call('IsActive', trigger())).rejects.toMatchObject({ code: status.UNAVAILABLE });
  load.held = 1;
  expect(await call('IsActive', trigger())).toEqual({ result: true });
});
