import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { tempFolder } from '../../../kube/testing/temp-folder.ts';
import { eventually } from '../../../kube/testing/wait.ts';
import { type FileServer, startServer } from '../../weights/loader/testing/file-server.ts';
import type { WantedAdapter } from '../protocol.ts';
import { createAgent } from './agent.ts';
import type { Served } from './converge.ts';
import type { AdapterEngine } from './engine.ts';

const servers: FileServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A hub with one adapter, `org/law`, whose files it gives to those that have the token. */
async function startHub(token?: string) {
  const content: Record<string, string> = {
    'adapter_config.json': '{"r":1}',
    'adapter_model.safetensors': 'w1',
  };
  const server = await startServer((request, response, { pathname }) => {
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`)
      return response.writeHead(401, { 'x-error-code': 'GatedRepo' }).end();
    const siblings = Object.keys(content).map((rfilename) => ({ rfilename }));
    if (pathname.startsWith('/api/models/org/law/'))
      return response.end(JSON.stringify({ sha: 'c', siblings }));
    const [, file = ''] = /^\/org\/law\/resolve\/c\/(.*)$/.exec(pathname) ?? [];
    const body = content[file];
    return body === undefined ? undefined : response.end(body);
  });
  servers.push(server);
  return { content, origin: server.origin };
}

/** An engine of this test's: what it serves, and which files it refuses. */
function fakeEngine() {
  const state: { served: Served[] | undefined; refuses?: string } = { served: [] };
  const engine: AdapterEngine = {
    async served() {
      if (!state.served) throw new Error('ECONNREFUSED');
      return state.served;
    },
    async load({ name, path }) {
      const weights = await readFile(join(path, 'adapter_model.safetensors'), 'utf8');
      if (weights === state.refuses) throw new Error('Call to add_lora method failed: rank 64');
      state.served = [...(state.served ?? []).filter((one) => one.name !== name), { name, path }];
    },
    async unload(name) {
      state.served = state.served?.filter((one) => one.name !== name);
    },
  };
  return { state, engine };
}

async function startAgent(hubEndpoint: string) {
  const folder = tempFolder();
  const lora = join(folder, 'lora');
  await mkdir(lora);
  const { state, engine } = fakeEngine();
  const clock = { nowMs: 0 };
  const options = {
    engine,
    wantedFile: join(folder, 'wanted'),
    folder: lora,
    secretsFolder: join(folder, 'secrets'),
    env: { FAIRLEAD_HUB_ENDPOINT: hubEndpoint },
    log() {},
    nowMs: () => clock.nowMs,
  };
  let agent = createAgent(options);
  const { signal } = new AbortController();
  const states = () => agent.report().adapters.map(({ name, state: is }) => `${name} ${is}`);
  return {
    clock,
    state,
    lora,
    want: (...wanted: WantedAdapter[]) => writeFile(options.wantedFile, JSON.stringify(wanted)),
    async addSecret(name: string, keys: Record<string, string>) {
      await mkdir(join(options.secretsFolder, name), { recursive: true });
      for (const [key, value] of Object.entries(keys))
        await writeFile(join(options.secretsFolder, name, key), value);
    },
    restart() {
      agent = createAgent(options);
    },
    report: () => agent.report(),
    /** Steps until it reports this. */
    until: (...expected: string[]) =>
      eventually(`it reports ${expected}`, async () => {
        await agent.step(signal);
        return states().join() === expected.join();
      }),
    served: () => state.served?.map(({ name }) => name),
  };
}

const law: WantedAdapter = { name: 'm:law', uri: 'hf://org/law' };

test('what is wanted is fetched and loaded, what is wanted no more is unloaded and removed', async () => {
  const hub = await startHub();
  const agent = await startAgent(hub.origin);
  await agent.want(law, { name: 'm:med', path: join(agent.lora, '..') });
  await writeFile(join(agent.lora, '..', 'adapter_model.safetensors'), 'mounted');
  await agent.until('m:law loaded', 'm:med loaded');
  expect(agent.state.served?.map(({ name }) => name).sort()).toEqual(['m:law', 'm:med']);
  expect(await readdir(agent.lora)).toHaveLength(1);
  await agent.want();
  await eventually('nothing is left', async () => {
    await agent.until();
    return (await readdir(agent.lora)).length === 0;
  });
  expect(agent.served()).toEqual([]);
});

test('an engine that was restarted gets its adapters again, and so it is after a restart of the agent', async () => {
  const hub = await startHub();
  const agent = await startAgent(hub.origin);
  await agent.want(law);
  await agent.until('m:law loaded');
  agent.state.served = undefined;
  await agent.until('m:law loading');
  agent.state.served = [];
  agent.restart();
  await agent.until('m:law loaded');
  expect(agent.served()).toEqual(['m:law']);
});

test('a changed source is loaded from another folder, and takes the place of the old one', async () => {
  const hub = await startHub();
  const agent = await startAgent(hub.origin);
  await agent.want(law);
  await agent.until('m:law loaded');
  const before = agent.state.served?.[0]?.path;
  await agent.want({ ...law, uri: 'hf://org/law?revision=v2' });
  await agent.until('m:law loaded');
  expect(agent.state.served).toHaveLength(1);
  expect(agent.state.served?.[0]?.path).not.toBe(before);
});

test('what the hub refuses is told with what to do; the Secret opens it', async () => {
  const hub = await startHub('t0ken');
  const agent = await startAgent(hub.origin);
  await agent.want({ ...law, secret: 'hub' });
  await agent.until('m:law failed');
  expect(agent.report().adapters[0]?.message).toMatch(/Secret "hub" does not exist/);
  await agent.addSecret('hub', { HF_TOKEN: 'wrong' });
  agent.clock.nowMs += 3_600_000;
  await eventually('the hub has been asked', async () => {
    await agent.until('m:law failed');
    return /gated.*HF_TOKEN/.test(agent.report().adapters[0]?.message ?? '');
  });
  await agent.addSecret('hub', { HF_TOKEN: 't0ken' });
  agent.clock.nowMs += 3_600_000;
  await agent.until('m:law loaded');
});

test('what the engine refuses is told in its words, tried again later, and from the source', async () => {
  const hub = await startHub();
  const agent = await startAgent(hub.origin);
  agent.state.refuses = 'w1';
  await agent.want(law);
  await agent.until('m:law failed');
  expect(agent.report().adapters[0]?.message).toBe('Call to add_lora method failed: rank 64');
  hub.content['adapter_model.safetensors'] = 'w2';
  agent.clock.nowMs += 3_600_000;
  await agent.until('m:law loaded');
});
