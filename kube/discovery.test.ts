import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient, type KubeClient } from './client.ts';
import { isServed } from './discovery.ts';
import { Pods } from './resources.ts';
import { Widgets } from './testing/objects.ts';
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

describe('discovery', () => {
  it('says whether a kind is served', async () => {
    const resources = [
      { name: 'widgets', kind: 'Widget', namespaced: true },
      { name: 'widgets/status', kind: 'Widget', namespaced: true },
    ];
    server.fault = () => ({ status: 200, body: JSON.stringify({ resources }) });
    expect(await isServed(client, Widgets)).toBe(true);
    expect(await isServed(client, { ...Widgets, plural: 'gadgets' })).toBe(false);
    await isServed(client, Pods);
    expect(server.seen.map(({ path }) => path)).toContain('/apis/example.com/v1');
    expect(server.seen.at(-1)?.path).toBe('/api/v1');
  });

  it('takes a group that does not exist for one without kinds, and passes other errors on', async () => {
    server.fault = () => ({ status: 404, reason: 'NotFound' });
    expect(await isServed(client, Widgets)).toBe(false);
    server.fault = () => ({ status: 403, reason: 'Forbidden' });
    await expect(isServed(client, Widgets)).rejects.toMatchObject({ status: 403 });
  });
});
