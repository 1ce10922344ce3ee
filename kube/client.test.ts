import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient, type KubeClient } from './client.ts';
import {
  FencedError,
  isAlreadyExists,
  isConflict,
  isForbidden,
  isGone,
  isInvalid,
  isNotFound,
  KubeApiError,
  KubeConnectionError,
} from './errors.ts';
import { createKubeMetrics } from './metrics.ts';
import { Pods } from './resources.ts';
import { createFastClock } from './testing/fake-clock.ts';
import { Nodes, type Widget, Widgets, widget, widgets } from './testing/objects.ts';
import { type ScriptedServer, startScriptedServer } from './testing/scripted-server.ts';
import { eventually, openSockets } from './testing/wait.ts';

let server: ScriptedServer;
let client: KubeClient;
beforeEach(async () => {
  server = await startScriptedServer();
  client = createClient(server.config);
});
afterEach(async () => {
  await client.close();
  await server.stop();
});
const ref = { namespace: 'default', name: 'a' };
const abortable = () => {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
};
const rejection = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (value) => expect.unreachable(`resolved with ${JSON.stringify(value)}`),
    (error) => error,
  );

describe('client', () => {
  it('creates, gets, applies, patches and deletes, keeping fields that no model knows', async () => {
    const created = await client.create(Widgets, {
      ...widget('a', 1),
      spec: { size: 1, unknown: { deep: [1] } } as Widget['spec'],
    });
    expect(created).toMatchObject({ apiVersion: 'example.com/v1', kind: 'Widget' });
    expect((await client.get(Widgets, ref)).spec).toEqual({ size: 1, unknown: { deep: [1] } });
    await client.apply(Widgets, widget('a', 2), { fieldManager: 'tester', force: true });
    await client.patch(Widgets, ref, { spec: { text: 'x' } }, { patchType: 'merge' });
    await client.patch(Widgets, ref, [], { patchType: 'json', subresource: 'status' });
    expect((await client.get(Widgets, ref)).spec).toMatchObject({ size: 2, text: 'x' });
    const { uid } = created.metadata;
    expect(isConflict(await rejection(client.delete(Widgets, ref, { uid: 'other' })))).toBe(true);
    await client.delete(Widgets, ref, {
      uid,
      gracePeriodSeconds: 3,
      propagationPolicy: 'Background',
    });
    expect(isNotFound(await rejection(client.get(Widgets, ref)))).toBe(true);
    expect(isNotFound(await rejection(client.delete(Widgets, ref)))).toBe(true);

    const calls = server.seen.map(({ method, path, query, headers }) =>
      [method, path, query.toString(), headers['content-type'] ?? ''].join(' '),
    );
    expect(calls.slice(0, 7)).toEqual([
      'POST /apis/example.com/v1/namespaces/default/widgets  application/json',
      'GET /apis/example.com/v1/namespaces/default/widgets/a  ',
      'PATCH /apis/example.com/v1/namespaces/default/widgets/a fieldManager=tester&force=true application/apply-patch+yaml',
      'PATCH /apis/example.com/v1/namespaces/default/widgets/a  application/merge-patch+json',
      'PATCH /apis/example.com/v1/namespaces/default/widgets/a/status  application/json-patch+json',
      'GET /apis/example.com/v1/namespaces/default/widgets/a  ',
      'DELETE /apis/example.com/v1/namespaces/default/widgets/a  application/json',
    ]);
    expect(JSON.parse(server.seen[7]?.body ?? '')).toEqual({
      preconditions: { uid },
      gracePeriodSeconds: 3,
      propagationPolicy: 'Background',
    });
  });

  it('reaches core kinds, cluster-scoped kinds, subresources and any other path', async () => {
    server.state.put('/api/v1/pods', 'n/p', { metadata: { name: 'p', namespace: 'n' } });
    server.state.put('/api/v1/nodes', 'x', { metadata: { name: 'x' } });
    await client.get(Pods, { namespace: 'n', name: 'p' }, { subresource: 'status' });
    await client.get(Nodes, { name: 'x' });
    await client.create(
      Pods,
      { metadata: { name: 'p', namespace: 'n' } },
      { subresource: 'eviction', fieldManager: 'm' },
    );
    server.fault = () => ({ status: 200, body: '{"gitVersion":"v1"}' });
    expect(await client.getPath('/version')).toEqual({ gitVersion: 'v1' });
    expect(server.seen.map(({ path }) => path)).toEqual([
      '/api/v1/namespaces/n/pods/p/status',
      '/api/v1/nodes/x',
      '/api/v1/namespaces/n/pods/p/eviction',
      '/version',
    ]);
  });

  it('lists in pages of 500, filling in what list items leave out', async () => {
    for (let i = 0; i < 1_203; i++) server.state.put(widgets, `default/w${i}`, widget(`w${i}`, i));
    const { items, resourceVersion } = await client.list(Widgets, {
      namespace: 'default',
      labelSelector: 'a=b,c',
      fieldSelector: 'metadata.name!=x',
      resourceVersion: '0',
    });
    expect(items).toHaveLength(1_203);
    expect(new Set(items.map(({ metadata }) => metadata.name)).size).toBe(1_203);
    expect(items[7]).toMatchObject({ apiVersion: 'example.com/v1', kind: 'Widget' });
    expect(resourceVersion).toBe(`${server.state.version}`);
    expect(server.seen.map(({ query }) => query.get('limit'))).toEqual(['500', '500', '500']);
    expect(server.seen.map(({ query }) => query.get('resourceVersion'))).toEqual(['0', null, null]);
    expect(server.seen.map(({ query }) => query.get('resourceVersionMatch'))).toEqual([
      'NotOlderThan',
      null,
      null,
    ]);
    expect(server.seen[2]?.query.get('labelSelector')).toBe('a=b,c');
  });

  it('begins a page anew when its body breaks off', async () => {
    const page = JSON.stringify({
      metadata: { resourceVersion: '7' },
      items: [widget('a'), widget('b')],
    });
    let asked = 0;
    const cut = createServer((_request, response) => {
      if (++asked > 1) return void response.end(page);
      response.write(page.slice(0, page.indexOf('"b"')), () => response.destroy());
    });
    await new Promise<void>((resolve) => cut.listen(0, '127.0.0.1', resolve));
    const { port } = cut.address() as AddressInfo;
    const to = createClient({ ...server.config, server: `http://127.0.0.1:${port}` });
    const { items } = await to.list(Widgets);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    expect(asked).toBe(2);
    await to.close();
    cut.close();
  });

  it('lists anew, in one piece, when compaction overtakes a continue token', async () => {
    for (let i = 0; i < 1_030; i++) server.state.put(widgets, `default/w${i}`, widget(`w${i}`));
    server.fault = ({ query }) => {
      if (query.has('continue')) server.state.compact();
      return undefined;
    };
    const { items } = await client.list(Widgets);
    expect(items).toHaveLength(1_030);
    server.fault = ({ query }) => (query.has('continue') ? { status: 403 } : undefined);
    expect(isForbidden(await rejection(client.list(Widgets)))).toBe(true);
  });

  it('types every refusal', async () => {
    await client.create(Widgets, widget('a'));
    expect(isAlreadyExists(await rejection(client.create(Widgets, widget('a'))))).toBe(true);
    const causes = [{ field: 'spec.size', reason: 'FieldValueInvalid', message: 'too small' }];
    server.fault = () => ({
      status: 422,
      body: JSON.stringify({ kind: 'Status', code: 422, reason: 'Invalid', details: { causes } }),
    });
    const invalid = await rejection(client.apply(Widgets, widget('a'), { fieldManager: 'm' }));
    expect(isInvalid(invalid)).toBe(true);
    expect(invalid).toMatchObject({ reason: 'Invalid', causes, status: 422 });
    server.fault = () => ({ status: 410, reason: 'Expired' });
    expect(isGone(await rejection(client.get(Widgets, ref)))).toBe(true);
    server.fault = () => ({ status: 400, body: '<html>a proxy</html>' });
    const strange = await rejection(client.get(Widgets, ref));
    expect(strange).toBeInstanceOf(KubeApiError);
    expect(String(strange)).toContain('a proxy');
    server.fault = () => ({ status: 400, body: '{"not":"a status"}' });
    expect(await rejection(client.get(Widgets, ref))).toMatchObject({ status: 400, reason: '' });
  });

  it('Retry-After honoured: a 429 is repeated, whatever the verb, no sooner than asked', async () => {
    let refusals = 0;
    server.fault = () =>
      refusals++ < 1 ? { status: 429, headers: { 'retry-after': '1' } } : undefined;
    await client.create(Widgets, widget('a'));
    const [first, second] = server.seen;
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(995);
  });

  it('gives a Retry-After that is longer than the deadline back to the caller', async () => {
    server.fault = () => ({ status: 503, headers: { 'retry-after': '60' } });
    const error = await rejection(client.get(Widgets, ref, { timeoutMs: 20_000 }));
    expect(error).toMatchObject({ status: 503, retryAfterMs: 60_000 });
    expect(server.seen).toHaveLength(1);
  });

  it('repeats reads and applies on 5xx and broken connections, but not creates', async () => {
    server.state.put(widgets, 'default/a', widget('a'));
    const hasty = createClient(server.config, { clock: createFastClock(100) });
    const long = { timeoutMs: 3_000_000 };
    let faults = 3;
    server.fault = () => {
      if (faults-- <= 0) return undefined;
      return faults % 2 ? { status: 500 } : { reset: true };
    };
    await hasty.get(Widgets, ref, long);
    faults = 2;
    await hasty.apply(Widgets, widget('a', 5), { fieldManager: 'm', ...long });
    server.seen.length = 0;
    faults = 2;
    expect(await rejection(hasty.create(Widgets, widget('b')))).toMatchObject({ status: 500 });
    server.fault = () => ({ reset: true });
    const broken = await rejection(hasty.create(Widgets, widget('b')));
    expect(broken).toMatchObject({ name: 'KubeConnectionError', code: 'connection', sent: true });
    expect(server.seen).toHaveLength(2);
    server.fault = () => ({ status: 500 });
    expect(await rejection(hasty.get(Widgets, ref, long))).toMatchObject({ status: 500 });
    expect(server.seen).toHaveLength(8);
    await hasty.close();
  });

  it('repeats even a create while nothing of it was sent', async () => {
    await server.stop();
    setTimeout(() => void server.start(), 150);
    await client.create(Widgets, widget('a'));
    expect(server.seen).toHaveLength(1);
  });

  it('ends at its deadline and at its signal, and leaves no socket of either behind', async () => {
    const before = openSockets().length;
    server.fault = () => ({ hang: true });
    const late = await rejection(client.get(Widgets, ref, { timeoutMs: 2_000 }));
    expect(late).toBeInstanceOf(KubeConnectionError);
    expect(late).toMatchObject({ code: 'timeout', sent: true });
    const abort = new AbortController();
    const call = rejection(client.get(Widgets, ref, { signal: abort.signal }));
    setTimeout(() => abort.abort('enough'), 20);
    expect(await call).toBe('enough');
    expect(await rejection(client.get(Widgets, ref, { signal: abort.signal }))).toBe('enough');
    await eventually('no connection at the server', () => server.connections === 0);
    await eventually('no socket more than before', () => openSockets().length <= before);
  });

  it('holds back writes once its fence is down, also those that wait for a connection', async () => {
    let leader = true;
    const leading = client.fenced(() => leader);
    await leading.create(Widgets, widget('a'));
    server.fault = ({ method }) => (method === 'GET' ? { hang: true } : undefined);
    const { signal, abort } = abortable();
    const busy = Array.from({ length: 100 }, () => rejection(client.get(Widgets, ref, { signal })));
    await eventually('the busy connections', () => server.seen.length === 101);
    const queued = rejection(leading.apply(Widgets, widget('a', 2), { fieldManager: 'm' }));
    leader = false;
    abort();
    await Promise.all(busy);
    expect(await queued).toBeInstanceOf(FencedError);
    expect(await rejection(leading.delete(Widgets, ref))).toBeInstanceOf(FencedError);
    server.fault = () => undefined;
    expect((await leading.get(Widgets, ref)).spec.size).toBe(0);
    leader = true;
    let second = false;
    const view = leading.fenced(() => second);
    expect(await rejection(view.delete(Widgets, ref))).toBeInstanceOf(FencedError);
    second = true;
    await view.delete(Widgets, ref);
    expect(server.state.list(widgets)).toEqual([]);
  });

  it('shares its connections between calls, and never opens more than its limit at once', async () => {
    for (let i = 0; i < 20; i++) await rejection(client.get(Widgets, ref));
    // undici frees a connection one turn of the event loop after its answer, so two take turns.
    expect(server.connections).toBeLessThanOrEqual(2);
    server.state.put(widgets, 'default/a', widget('a'));
    server.fault = () => ({ delayMs: 5 });
    await Promise.all(Array.from({ length: 300 }, () => client.get(Widgets, ref)));
    expect(server.accepted).toBeLessThanOrEqual(100);
    await client.close();
    expect(await rejection(client.get(Widgets, ref))).toBeInstanceOf(KubeConnectionError);
  });

  it('counts requests under the name of client-go', async () => {
    const registry = new Registry();
    const counting = createClient(server.config, { metrics: createKubeMetrics(registry) });
    await counting.create(Widgets, widget('a'));
    await rejection(counting.get(Widgets, { namespace: 'default', name: 'no' }));
    server.fault = () => ({ hang: true });
    await rejection(counting.get(Widgets, ref, { timeoutMs: 20 }));
    const text = await registry.metrics();
    const host = new URL(server.url).host;
    for (const [code, method] of [
      ['201', 'POST'],
      ['404', 'GET'],
      ['<error>', 'GET'],
    ])
      expect(text).toContain(
        `rest_client_requests_total{code="${code}",method="${method}",host="${host}"} 1`,
      );
    await counting.close();
  });

  it('keeps a path prefix of the server address', async () => {
    const prefixed = createClient({ ...server.config, server: `${server.url}/k8s/clusters/c-1/` });
    await prefixed.getPath('/version');
    expect(server.seen[0]?.path).toBe('/k8s/clusters/c-1/version');
    await prefixed.close();
  });
});
