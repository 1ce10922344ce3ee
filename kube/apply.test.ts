import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyIfChanged, covers } from './apply.ts';
import { createClient, type KubeClient } from './client.ts';
import type { Intent } from './object.ts';
import { type Widget, Widgets, widget, widgets } from './testing/objects.ts';
import { type ScriptedServer, startScriptedServer } from './testing/scripted-server.ts';

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
const hashAnnotation = 'example.com/intent';
const apply = (current: Widget | undefined, intent: Intent<Widget>) =>
  applyIfChanged(client, Widgets, current, intent, { fieldManager: 'm', hashAnnotation });

describe('server-side apply helpers', () => {
  it('applies an intent once, whatever the order of its keys, and again when it changes', async () => {
    const metadata = { name: 'a', namespace: 'default', annotations: { other: 'x' } };
    const first = await apply(undefined, { metadata, spec: { size: 1, text: 'x' } });
    expect(first.metadata.annotations).toMatchObject({ other: 'x' });
    expect(await apply(first, { spec: { text: 'x', size: 1 }, metadata })).toBe(first);
    expect(server.seen).toHaveLength(1);
    const second = await apply(first, { metadata, spec: { size: 1 } });
    expect(server.seen).toHaveLength(2);
    expect(await apply(second, { metadata, spec: { size: 1 } })).toBe(second);
    expect(server.seen).toHaveLength(2);
  });

  it('applies again what someone else has changed', async () => {
    const first = await apply(undefined, widget('a', 1));
    server.state.put(widgets, 'default/a', { ...first, spec: { size: 7 } });
    const changed = await client.get(Widgets, first.metadata);
    expect((await apply(changed, widget('a', 1))).spec.size).toBe(1);
  });

  it('covers: maps may hold more, lists must be equal', () => {
    expect(covers({ a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ c: 1 }] })).toBe(true);
    expect(covers({ a: [1, 2] }, { a: [1] })).toBe(false);
    expect(covers({ a: 1 }, { a: 1, b: undefined })).toBe(true);
    expect(covers({ a: 1 }, { a: { b: 1 } })).toBe(false);
    expect(covers({ a: { b: 1 } }, { a: [1] })).toBe(false);
    fc.assert(fc.property(fc.jsonValue(), (value) => covers(structuredClone(value), value)));
  });
});
