import { afterEach, expect, test } from 'vitest';
import type { ModelDeployment, ModelDeploymentStatus } from '../../crds/modeldeployment.ts';
import { KubeApiError } from '../../kube/errors.ts';
import { silentLogger } from '../../kube/logger.ts';
import { keyOf } from '../../kube/object.ts';
import type { Handler } from '../../kube/reflector.ts';
import type { HorizontalPodAutoscaler } from '../../kube/resources.ts';
import { createStore, type WritableStore } from '../../kube/store.ts';
import { createFakeClock } from '../../kube/testing/fake-clock.ts';
import { createOperatorMetrics, createRegistry } from '../../telemetry/metrics.ts';
import type { DemandListener, ModelLoad } from '../demand/routers.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { createAutoscaler } from './autoscaler.ts';
import { otherScalerIndexes } from './other-scalers.ts';

const key = 'models/skiff';
const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0)) await one();
});

/** A store with handlers, as a reflector has. */
function watched<T extends ModelDeployment | HorizontalPodAutoscaler>(store: WritableStore<T>) {
  const handlers = new Set<Handler<T>>();
  const tell = (before: T | undefined, after: T | undefined) => {
    for (const handler of handlers) handler(before, after, 'watch');
  };
  return {
    store,
    addHandler(handler: Handler<T>) {
      for (const object of store.list()) handler(undefined, object, 'list');
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    set: (object: T) => tell(store.set(object), object),
    remove: (object: T) => tell(store.remove(keyOf(object)), undefined),
  };
}

/** A whole autoscaler but for the API server: what it writes is seen at once when `applies`. */
function world(spec: object = {}, metadata: object = {}) {
  const models = watched(createStore<ModelDeployment>());
  const scalers = watched(createStore<HorizontalPodAutoscaler>(otherScalerIndexes));
  const clock = createFakeClock();
  const listeners = new Set<DemandListener>();
  const writes: number[] = [];
  const events: string[] = [];
  const verdicts: string[] = [];
  const registry = createRegistry('operator', 'test');
  const metrics = createOperatorMetrics(registry);
  const load: ModelLoad = { inFlight: 0, held: 0, isComplete: true };
  const state: { fails: Error[]; applies: boolean } = { fails: [], applies: true };
  const put = (more: object, rest: object = {}) => {
    const last = models.store.get(key) ?? modelDeployment({ autoscaling, ...spec });
    const generation = (last.metadata.generation ?? 0) + 1;
    models.set({
      ...last,
      metadata: { ...last.metadata, generation, ...rest },
      spec: { ...last.spec, ...more },
    });
  };
  const autoscaler = createAutoscaler({
    client: {
      patch: (async (_type: unknown, _ref: unknown, patch: { spec: { replicas: number } }) => {
        writes.push(patch.spec.replicas);
        const error = state.fails.shift();
        if (error) throw error;
        if (state.applies) put({ replicas: patch.spec.replicas });
        return {};
      }) as never,
    },
    events: {
      record: (_, { reason, note }) => events.push(`${reason}: ${note}`),
      flush: async () => {},
    },
    modelDeployments: models,
    otherScalers: scalers,
    demand: {
      loadOf: () => ({ ...load }),
      listen(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    metrics,
    log: silentLogger,
    clock,
    wallMs: () => clock.nowMs(),
    onVerdict: (of) => verdicts.push(autoscaler.verdictOf(of)?.reason ?? ''),
  });
  cleanUp.push(() => autoscaler.stop());
  put({}, metadata);
  return {
    autoscaler,
    clock,
    models,
    scalers,
    writes,
    events,
    verdicts,
    state,
    put,
    registry,
    metrics,
    async say(inFlight: number, held = 0) {
      Object.assign(load, { inFlight, held });
      for (const { onModel } of listeners) onModel?.(key);
      await settled();
    },
    async routers(more: Partial<ModelLoad>) {
      Object.assign(load, more);
      for (const { onRouters } of listeners) onRouters?.();
      await settled();
    },
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= 100) {
        clock.advance(Math.min(left, 100));
        await settled();
      }
    },
  };
}

const autoscaling = {
  minReplicas: 0,
  maxReplicas: 4,
  target: { inFlightPerReplica: 2 },
  scaleUpWindow: '30s',
  scaleDownWindow: '1m',
  idleTimeout: '2m',
};
/** What is queued for the end of this turn has run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('the first held request is answered by a write in the same turn', async () => {
  const { autoscaler, writes, say, events } = world({ replicas: 0 });
  autoscaler.start();
  const said = say(0, 1);
  expect(writes).toEqual([1]);
  await said;
  expect(events).toEqual([
    expect.stringMatching(/^ScaledUp: From 0 to 1 replicas: a request has come/),
  ]);
});

test('up with a burst, down with the lull, to zero when idle, each once', async () => {
  const { autoscaler, writes, say, pass, events, registry } = world({ replicas: 1 });
  autoscaler.start();
  await say(8);
  await pass(2_000);
  expect(writes).toEqual([4]);
  await say(0);
  await pass(130_000);
  expect(writes[0]).toBe(4);
  expect(writes.at(-1)).toBe(0);
  expect(writes).toEqual([...writes].sort((a, b) => b - a));
  expect(new Set(writes).size).toBe(writes.length);
  expect(events.at(-1)).toMatch(/^ScaledDown: From 1 to 0 replicas: there was no request/);
  const shown = await registry.metrics();
  expect(shown).toMatch(/fairlead_autoscaler_desired_replicas\{gen_ai_request_model="skiff"\} 0/);
  expect(shown).toMatch(/fairlead_autoscaler_max_replicas\{gen_ai_request_model="skiff"\} 4/);
  expect(shown).toMatch(/fairlead_autoscaler_decisions_total\{.*direction="up",reason="burst"\} 1/);
});

test('what only waited for a cold start keeps no replicas for the scale-down window', async () => {
  const long = { ...autoscaling, scaleDownWindow: '10m' };
  const { autoscaler, writes, say, pass, models } = world({ replicas: 0, autoscaling: long });
  autoscaler.start();
  await say(0, 8);
  await pass(40_000);
  expect(writes).toEqual([1, 4]);
  const waiting = models.store.get(key) as ModelDeployment;
  models.set({
    ...waiting,
    status: { ...waiting.status, readyReplicas: 4 } as ModelDeploymentStatus,
  });
  await say(2);
  await pass(120_000);
  expect(writes.at(-1)).toBeLessThan(4);
});

test('a new object begins with the fewest that it may have', async () => {
  const { autoscaler, writes } = world({ replicas: 1 }, { generation: 1 });
  autoscaler.start();
  await settled();
  expect(writes).toEqual([0]);
});

test('without autoscaling, while it is paused and when it is deleted, nothing is written', async () => {
  for (const more of [{ spec: { autoscaling: undefined } }, { spec: { paused: true } }]) {
    const { autoscaler, writes, say, pass } = world({ replicas: 0, ...more.spec });
    autoscaler.start();
    await say(0, 50);
    await pass(5_000);
    expect(writes).toEqual([]);
  }
  const deleted = world({ replicas: 0 }, { deletionTimestamp: '2026-11-21T12:00:00Z' });
  deleted.autoscaler.start();
  await deleted.say(0, 50);
  expect(deleted.writes).toEqual([]);
});

test('another scaler is left alone and told of, until it goes', async () => {
  const { autoscaler, writes, say, scalers, verdicts } = world({ replicas: 0 });
  autoscaler.start();
  const hpa = {
    metadata: { name: 'hpa', namespace: 'models' },
    spec: {
      maxReplicas: 3,
      scaleTargetRef: {
        apiVersion: 'fairlead.dev/v1alpha1',
        kind: 'ModelDeployment',
        name: 'skiff',
      },
    },
  } as HorizontalPodAutoscaler;
  scalers.set(hpa);
  await say(0, 3);
  expect(writes).toEqual([]);
  expect(autoscaler.verdictOf(key)).toMatchObject({ status: 'True', reason: 'AnotherScaler' });
  scalers.remove(hpa);
  await settled();
  expect(writes).toEqual([1]);
  expect(verdicts).toEqual(['WithinBounds', 'AnotherScaler', 'WithinBounds']);
});

test('bounds that change at run time hold at once', async () => {
  const { autoscaler, writes, say, pass, put } = world({ replicas: 4 });
  autoscaler.start();
  await say(2);
  await pass(31_000);
  put({ autoscaling: { ...autoscaling, maxReplicas: 2 } });
  await settled();
  expect(writes).toEqual([2]);
  put({ autoscaling: { ...autoscaling, minReplicas: 3, maxReplicas: 4 } });
  await settled();
  await pass(31_000);
  expect(writes).toEqual([2, 3]);
});

test('a write that fails is tried again, after growing pauses', async () => {
  const { autoscaler, writes, say, pass, state } = world({ replicas: 0 });
  const refused = () => new KubeApiError('PATCH', 500, { code: 500 });
  state.fails = [refused(), refused()];
  autoscaler.start();
  await say(0, 1);
  expect(writes).toEqual([1]);
  await say(0, 2);
  expect(writes).toEqual([1]);
  await pass(500);
  expect(writes).toEqual([1, 1]);
  await pass(900);
  expect(writes).toEqual([1, 1]);
  await pass(100);
  expect(writes).toEqual([1, 1, 1]);
  await pass(500);
  expect(writes).toEqual([1, 1, 1]);
});

test('what was written counts until the watch brings it', async () => {
  const { autoscaler, writes, say, pass, state, put } = world({ replicas: 0 });
  state.applies = false;
  autoscaler.start();
  await say(0, 1);
  await say(0, 1);
  put({}, { generation: 4 });
  await pass(3_000);
  expect(writes).toEqual([1]);
});

test('a restart under load writes nothing', async () => {
  const { autoscaler, writes, say, pass, routers } = world({ replicas: 3 });
  await routers({ inFlight: 6, isComplete: false });
  autoscaler.start();
  await pass(4_000);
  await routers({ isComplete: true });
  await say(5);
  await say(6);
  await pass(59_000);
  expect(writes).toEqual([]);
});

test('a schedule begins and ends by the clock', async () => {
  const start = '1 0 1 1 *';
  const schedules = [{ start, duration: '5m', timeZone: 'Etc/UTC', minReplicas: 2 }];
  const { autoscaler, writes, pass } = world({
    replicas: 0,
    autoscaling: { ...autoscaling, schedules },
  });
  autoscaler.start();
  await pass(59_900);
  expect(writes).toEqual([]);
  await pass(100);
  expect(writes).toEqual([2]);
  await pass(299_900);
  expect(writes).toEqual([2]);
  await pass(100);
  expect(writes).toEqual([2, 0]);
});

test('nothing is left of a model that goes, nor of timers after the end', async () => {
  const { autoscaler, clock, models, say, registry, metrics } = world({ replicas: 1 });
  metrics.modelReplicas.set(
    { gen_ai_request_model: 'skiff', namespace: 'models', state: 'ready' },
    1,
  );
  autoscaler.start();
  await say(3);
  expect(clock.pending).toBe(1);
  const [model] = models.store.list();
  if (model) models.remove(model);
  expect(clock.pending).toBe(0);
  const shown = await registry.metrics();
  expect(shown).not.toMatch(/fairlead_autoscaler_[a-z_]*\{/);
  expect(shown).toMatch(/fairlead_model_replicas\{.*\} 1/);
  expect(autoscaler.verdictOf(key)).toBeUndefined();
});
