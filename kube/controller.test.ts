import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from './client.ts';
import {
  type Controller,
  type ControllerOptions,
  createController,
  currentReconcile,
  TerminalError,
} from './controller.ts';
import { KubeApiError } from './errors.ts';
import { createKubeMetrics } from './metrics.ts';
import { controllerOf, type KubeObject, keyOf } from './object.ts';
import { type ChangeSource, createReflector, type Handler } from './reflector.ts';
import { createFakeClock } from './testing/fake-clock.ts';
import { Widgets, widget, widgets } from './testing/objects.ts';
import { startScriptedServer } from './testing/scripted-server.ts';
import { eventually } from './testing/wait.ts';

let controller: Controller | undefined;
afterEach(() => controller?.stop());

function start(options: Partial<ControllerOptions>): Controller {
  controller = createController({ name: 'test', reconcile: async () => {}, ...options });
  void controller.start();
  return controller;
}

describe('controller', () => {
  it('reconciles every key, no key in two workers at once, with adds during processing', async () => {
    const inside = new Set<string>();
    const passes = new Map<string, number>();
    let most = 0;
    const running = start({
      workers: 4,
      async reconcile(key) {
        expect(inside.has(key)).toBe(false);
        inside.add(key);
        most = Math.max(most, inside.size);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
        passes.set(key, (passes.get(key) ?? 0) + 1);
        inside.delete(key);
      },
    });
    for (let i = 0; i < 400; i++) {
      running.enqueue(`k${i % 10}`);
      if (i % 40 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await eventually('all keys', () => passes.size === 10 && inside.size === 0);
    expect(most).toBe(4);
    // Ten bursts of adds, each at most one pass beyond the one that runs.
    for (const count of passes.values()) expect(count).toBeLessThanOrEqual(11);
  });

  it('starts its workers once every reflector has synced, and maps changes to keys', async () => {
    const server = await startScriptedServer();
    const client = createClient(server.config);
    server.state.put(widgets, 'default/a', widget('a'));
    server.state.put(widgets, 'default/child', {
      metadata: {
        ...widget('child').metadata,
        ownerReferences: [{ apiVersion: 'v1', kind: 'W', name: 'a', uid: 'u', controller: true }],
      },
    });
    const [primary, secondary] = [Widgets, Widgets].map((type) =>
      createReflector({ client, type }),
    );
    if (!primary || !secondary) throw new Error('unreachable');
    const seen: string[] = [];
    controller = createController({
      name: 'test',
      async reconcile(key) {
        expect(primary.hasSynced() && secondary.hasSynced()).toBe(true);
        seen.push(key);
      },
    });
    controller.watch(primary, (object) => (controllerOf(object) ? [] : [keyOf(object)]));
    controller.watch(secondary, (object) => {
      const owner = controllerOf(object);
      return owner ? [`${object.metadata.namespace}/${owner.name}`] : [];
    });
    const starting = controller.start();
    primary.start();
    await primary.synced();
    expect(seen).toEqual([]);
    secondary.start();
    await starting;
    await eventually('the first pass', () => seen.length === 1);
    server.state.put(widgets, 'default/a', widget('a', 2));
    await eventually('a pass for the update', () => seen.length === 2);
    server.state.remove(widgets, 'default/child');
    await eventually('a pass for the deletion of the child', () => seen.length === 3);
    expect(new Set(seen)).toEqual(new Set(['default/a']));
    await controller.stop();
    server.state.put(widgets, 'default/b', widget('b'));
    await eventually('b in the store', () => primary.store.get('default/b'));
    expect(seen).toHaveLength(3);
    await Promise.all([primary.stop(), secondary.stop()]);
    await client.close();
    await server.stop();
  });

  it('reconciles what changes within the settling time together, and what is listed at once', async () => {
    const clock = createFakeClock();
    const seen: string[] = [];
    const handlers: Handler<KubeObject>[] = [];
    const reflector = {
      synced: () => Promise.resolve(),
      addHandler(handler: Handler<KubeObject>) {
        handlers.push(handler);
        return () => {};
      },
    };
    controller = createController({
      ...{ name: 'test', clock },
      reconcile: async (key) => void seen.push(key),
    });
    controller.watch(reflector, (object) => [keyOf(object)], 50);
    await controller.start();
    const { metadata } = widget('any');
    const tell = (name: string, source: ChangeSource) => {
      const object = { apiVersion: 'v1', kind: 'W', metadata: { ...metadata, name } };
      for (const handler of handlers) handler(undefined, object as KubeObject, source);
    };
    for (const name of ['a', 'a', 'b', 'a']) tell(name, 'watch');
    tell('listed', 'list');
    await eventually('what is listed', () => seen.length === 1);
    expect(seen).toEqual(['default/listed']);
    clock.advance(50);
    await eventually('what has changed', () => seen.length === 3);
    expect(seen).toEqual(['default/listed', 'default/a', 'default/b']);
  });

  it('counts each outcome and repeats what is to be repeated', async () => {
    const registry = new Registry();
    const clock = createFakeClock();
    const passes: string[] = [];
    const conflict = new KubeApiError('PATCH /x', 409, { code: 409, reason: 'Conflict' });
    const busy = new KubeApiError('GET /x', 429, { code: 429 }, 7_000);
    const logged: string[] = [];
    const log = {
      debug: (_: object, message: string) => logged.push(`debug ${message}`),
      info() {},
      warn() {},
      error: (_: object, message: string) => logged.push(`error ${message}`),
      child: () => log,
    };
    const running = start({
      clock,
      log,
      metrics: createKubeMetrics(registry),
      async reconcile(key) {
        const first = !passes.includes(key);
        passes.push(key);
        if (key === 'later') return { requeueAfterMs: first ? 5_000 : undefined };
        if (key === 'terminal') throw new TerminalError('no such profile');
        if (!first) return undefined;
        if (key === 'conflict') throw conflict;
        if (key === 'busy') throw busy;
        if (key === 'fails') throw new Error('fails once');
        return undefined;
      },
    });
    await eventually('the errors’ series begins with zero', async () =>
      (await registry.metrics()).includes(
        'controller_runtime_reconcile_errors_total{controller="test"} 0',
      ),
    );
    for (const key of ['ok', 'later', 'terminal', 'conflict', 'fails', 'busy'])
      running.enqueue(key);
    await eventually('six passes', () => passes.length === 6);
    clock.advance(5);
    await eventually('repeats of conflict and failure', () => passes.length === 8);
    expect(passes.slice(6).sort()).toEqual(['conflict', 'fails']);
    clock.advance(4_990);
    await Promise.resolve();
    expect(passes).toHaveLength(8);
    clock.advance(10);
    await eventually('later', () => passes.length === 9);
    clock.advance(2_000);
    await eventually('busy, after its Retry-After', () => passes.length === 10);
    expect(passes.slice(8)).toEqual(['later', 'busy']);
    expect(logged.filter((line) => line.startsWith('error'))).toHaveLength(3);
    expect(logged).toContain('debug reconcile met a conflict');
    const text = await registry.metrics();
    const total = (result: string) =>
      text.match(
        new RegExp(`reconcile_total\\{controller="test",result="${result}"\\} (\\d+)`),
      )?.[1];
    expect(['success', 'requeue_after', 'requeue', 'error'].map(total)).toEqual([
      '5',
      '1',
      '1',
      '3',
    ]);
    expect(text).toContain('controller_runtime_reconcile_errors_total{controller="test"} 3');
    expect(text).toContain(
      'controller_runtime_terminal_reconcile_errors_total{controller="test"} 1',
    );
    expect(text).toContain('controller_runtime_reconcile_time_seconds_count{controller="test"} 10');
    expect(text).toContain('controller_runtime_max_concurrent_reconciles{controller="test"} 1');
    expect(text).toContain('controller_runtime_active_workers{controller="test"} 0');
  });

  it('carries its scope into whatever a reconcile calls', async () => {
    const scopes: ReturnType<typeof currentReconcile>[] = [];
    const running = start({
      async reconcile() {
        await new Promise((resolve) => setImmediate(resolve));
        scopes.push(currentReconcile());
      },
    });
    expect(currentReconcile()).toBeUndefined();
    running.enqueue('a');
    running.enqueue('b');
    await eventually('two passes', () => scopes.length === 2);
    expect(scopes).toMatchObject([
      { controller: 'test', key: 'a' },
      { controller: 'test', key: 'b' },
    ]);
    expect(scopes[0]?.reconcileId).not.toBe(scopes[1]?.reconcileId);
  });

  it('aborts a reconcile at its deadline, and the ones that run when stop has waited long enough', async () => {
    const reasons: string[] = [];
    const clock = createFakeClock();
    const running = start({
      clock,
      workers: 2,
      reconcile: (_key, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(String(signal.reason));
            reject(signal.reason);
          });
        }),
    });
    running.enqueue('slow');
    await eventually('a deadline', () => clock.pending === 1);
    clock.advance(60_000);
    await eventually('the abort', () => reasons.length === 1);
    expect(reasons[0]).toContain('reconcile of slow took longer than 60000 ms');
    running.enqueue('other');
    await eventually('the next pass', () => clock.pending >= 2);
    const stopping = running.stop();
    clock.advance(9_999);
    expect(reasons).toHaveLength(1);
    clock.advance(1);
    await stopping;
    expect(reasons[1]).toContain('stopped');
    expect(clock.pending).toBe(0);
  });

  it('gives up its start when it is stopped before the reflectors have synced', async () => {
    const server = await startScriptedServer();
    const client = createClient(server.config);
    const reflector = createReflector({ client, type: Widgets });
    for (const give of ['stop', 'signal']) {
      const waiting = createController({ name: 'test', reconcile: async () => {} });
      waiting.watch(reflector, () => []);
      const abort = new AbortController();
      const starting = waiting.start(abort.signal);
      if (give === 'signal') abort.abort(new Error('given up'));
      else void waiting.stop();
      await expect(starting).rejects.toThrow(give === 'signal' ? 'given up' : 'stopped');
      await waiting.stop();
    }
    await client.close();
    await server.stop();
  });
});
