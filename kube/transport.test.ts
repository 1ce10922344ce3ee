import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from './client.ts';
import type { Credentials } from './config.ts';
import { createAuthority } from './testing/certificates.ts';
import { createFakeClock } from './testing/fake-clock.ts';
import { Widgets, widget, widgets } from './testing/objects.ts';
import { type ScriptedServer, startScriptedServer } from './testing/scripted-server.ts';
import { eventually } from './testing/wait.ts';

const ref = { namespace: 'default', name: 'a' };
let server: ScriptedServer | undefined;
afterEach(() => server?.stop());

/** Calls as fast as answers come until `stop` is called, which gives the number of calls and their errors. */
function load(call: () => Promise<unknown>) {
  const errors: unknown[] = [];
  let calls = 0;
  let running = true;
  const workers = Array.from({ length: 8 }, async () => {
    while (running) {
      await call().catch((error) => errors.push(error));
      calls++;
    }
  });
  return {
    count: () => calls,
    async stop() {
      running = false;
      await Promise.all(workers);
      return { calls, errors };
    },
  };
}

describe('transport', () => {
  it('tokens rotate under load without an error', async () => {
    const one = await startScriptedServer();
    server = one;
    one.state.put(widgets, 'default/a', widget('a'));
    let token = 'one';
    let accepted = ['one'];
    one.fault = ({ headers }) =>
      accepted.some((good) => headers.authorization === `Bearer ${good}`)
        ? undefined
        : { status: 401, reason: 'Unauthorized' };
    const client = createClient({
      ...one.config,
      credentials: async () => ({ headers: { authorization: `Bearer ${token}` } }),
    });
    const running = load(() => client.get(Widgets, ref));
    for (const next of ['two', 'three', 'four']) {
      const count = running.count();
      await eventually('fifty more calls', () => running.count() > count + 50);
      token = next;
      accepted = [next];
    }
    const count = running.count();
    await eventually('fifty calls with the last token', () => running.count() > count + 50);
    const { errors } = await running.stop();
    expect(errors).toEqual([]);
    await client.close();
  });

  it('CAs and server certificates rotate under load without an error', async () => {
    const authorities = [createAuthority('one'), createAuthority('two')];
    const [first, second] = authorities.map((authority) => ({
      ...authority,
      ...authority.issue(),
    }));
    if (!first || !second) throw new Error('unreachable');
    const one = await startScriptedServer(first);
    server = one;
    one.state.put(widgets, 'default/a', widget('a'));
    let credentials: Credentials = { ca: first.ca };
    const client = createClient({ ...one.config, credentials: async () => credentials });
    const running = load(() => client.get(Widgets, ref));
    const more = async () => {
      const count = running.count();
      await eventually('fifty more calls', () => running.count() > count + 50);
    };
    await more();
    // The new CA is on disk before the server uses it; the client has not read it yet.
    credentials = { ca: second.ca };
    one.setTls(second);
    // New connections are needed: the answer in flight is the last on each old one.
    one.fault = ({ atMs }) =>
      performance.now() - atMs < 1_000 && count++ < 16
        ? { status: 429, headers: { 'retry-after': '0.01', connection: 'close' } }
        : undefined;
    let count = 0;
    await more();
    await more();
    const { errors } = await running.stop();
    expect(errors).toEqual([]);
    expect(count).toBeGreaterThanOrEqual(16);
    await client.close();
  });

  it('refuses a server that its CA did not sign', async () => {
    const [ours, theirs] = [createAuthority('ours'), createAuthority('theirs')];
    server = await startScriptedServer(theirs.issue());
    const client = createClient({
      ...server.config,
      credentials: async () => ({ ca: ours.ca }),
    });
    await expect(client.get(Widgets, ref, { timeoutMs: 300 })).rejects.toMatchObject({
      name: 'KubeConnectionError',
      sent: false,
    });
    expect(server.seen).toEqual([]);
    await client.close();
  });

  it('reads credentials again at least every 60 s, and keeps the old ones when that fails', async () => {
    const one = await startScriptedServer();
    server = one;
    one.state.put(widgets, 'default/a', widget('a'));
    const clock = createFakeClock();
    let reads = 0;
    let broken = false;
    const client = createClient(
      {
        ...one.config,
        async credentials() {
          if (broken) throw new Error('half-way through a rotation');
          return { headers: { authorization: `Bearer ${++reads}` } };
        },
      },
      { clock },
    );
    const sentToken = async () => {
      await client.get(Widgets, ref);
      return one.seen.at(-1)?.headers.authorization;
    };
    expect(await sentToken()).toBe('Bearer 1');
    expect(await sentToken()).toBe('Bearer 1');
    clock.advance(60_000);
    expect(await sentToken()).toBe('Bearer 2');
    broken = true;
    clock.advance(60_000);
    expect(await sentToken()).toBe('Bearer 2');
    await client.close();
  });

  it('rejects when there have never been credentials', async () => {
    const one = await startScriptedServer();
    server = one;
    const client = createClient({
      ...one.config,
      credentials: () => Promise.reject(new Error('no token file')),
    });
    await expect(client.get(Widgets, ref)).rejects.toThrow('no token file');
    await client.close();
  });
});
