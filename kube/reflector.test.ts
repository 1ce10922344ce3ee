import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient, type KubeClient } from './client.ts';
import type { Logger } from './logger.ts';
import { createKubeMetrics } from './metrics.ts';
import { createReflector, type Reflector, type ReflectorOptions } from './reflector.ts';
import { createFakeClock, createFastClock } from './testing/fake-clock.ts';
import { type Widget, Widgets, widget, widgets } from './testing/objects.ts';
import { type ScriptedServer, startScriptedServer } from './testing/scripted-server.ts';
import { eventually, openSockets } from './testing/wait.ts';

let server: ScriptedServer;
let client: KubeClient;
let reflector: Reflector<Widget>;
const log: string[] = [];

function start(options: Partial<ReflectorOptions<Widget>> = {}): Reflector<Widget> {
  reflector = createReflector({ client, type: Widgets, clock: createFastClock(100), ...options });
  log.length = 0;
  reflector.addHandler((before, after, source) => {
    const name = (after ?? before)?.metadata.name;
    if (!before) log.push(`+${name}=${after?.spec.size} ${source}`);
    else if (!after) log.push(`-${name}=${before.spec.size} ${source}`);
    else log.push(`${name} ${before.spec.size}>${after.spec.size} ${source}`);
  });
  reflector.start();
  return reflector;
}
const put = (name: string, size: number) =>
  server.state.put(widgets, `default/${name}`, widget(name, size));
const remove = (name: string) => server.state.remove(widgets, `default/${name}`);
const lists = () => server.seen.filter(({ query }) => !query.has('watch'));
const watches = () => server.seen.filter(({ query }) => query.has('watch'));
const equal = () =>
  eventually('the store equals the list of the server', () => {
    const versions = (objects: { metadata: Widget['metadata'] }[]) =>
      objects
        .map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`)
        .sort()
        .join();
    return versions(reflector.store.list()) === versions(server.state.list(widgets));
  });

beforeEach(async () => {
  server = await startScriptedServer();
  client = createClient(server.config);
});
afterEach(async () => {
  await reflector.stop();
  await client.close();
  await server.stop();
});

describe('reflector', () => {
  it('lists, then watches from there, telling handlers of every change in order', async () => {
    put('a', 1);
    start({ indexes: { bySize: ({ spec }) => [`${spec.size}`] } });
    await reflector.synced();
    expect(reflector.hasSynced()).toBe(true);
    await eventually('the watch', () => watches().length === 1);
    put('b', 2);
    put('a', 3);
    remove('b');
    await eventually('four changes', () => log.length === 4);
    expect(log).toEqual(['+a=1 list', '+b=2 watch', 'a 1>3 watch', '-b=2 watch']);
    expect(reflector.store.byIndex('bySize', '3')).toHaveLength(1);
    expect(reflector.store.get('default/a')?.metadata).not.toHaveProperty('managedFields');
    const [list] = lists();
    expect(list?.query.get('resourceVersion')).toBe('0');
    const [watch] = watches();
    expect(watch?.query.get('allowWatchBookmarks')).toBe('true');
    const timeoutSeconds = Number(watch?.query.get('timeoutSeconds'));
    expect(timeoutSeconds).toBeGreaterThanOrEqual(300);
    expect(timeoutSeconds).toBeLessThanOrEqual(600);
  });

  it('tells a late handler of what is there, and a removed one of nothing', async () => {
    put('a', 1);
    start();
    await reflector.synced();
    const late: string[] = [];
    const removeHandler = reflector.addHandler((_, after) => {
      late.push(`${after?.metadata.name}`);
    });
    expect(late).toEqual(['a']);
    put('b', 2);
    await eventually('b', () => late.includes('b'));
    removeHandler();
    put('c', 3);
    await eventually('c', () => reflector.store.get('default/c'));
    expect(late).toEqual(['a', 'b']);
  });

  it('vanished objects are reported deleted with their last known state', async () => {
    put('a', 1);
    put('b', 2);
    start();
    await eventually('the watch', () => watches().length === 1);
    await server.stop();
    remove('a');
    put('b', 3);
    put('c', 4);
    server.state.compact();
    await server.start();
    await equal();
    expect(log.slice(2)).toEqual(['-a=1 list', 'b 2>3 list', '+c=4 list']);
  });

  it('reports an object that was replaced by another of its name as deleted and added', async () => {
    put('a', 1);
    put('b', 1);
    start();
    await eventually('the watch', () => watches().length === 1);
    remove('a');
    put('a', 2);
    await equal();
    await server.stop();
    remove('b');
    put('b', 2);
    server.state.compact();
    await server.start();
    await equal();
    expect(log.slice(2)).toEqual(['-a=1 watch', '+a=2 watch', '-b=1 list', '+b=2 list']);
  });

  it('a throwing handler never stops a stream', async () => {
    const errors: unknown[] = [];
    const logger = {
      debug() {},
      info() {},
      warn() {},
      error: (fields: object) => errors.push(fields),
    };
    const registry = new Registry();
    start({
      log: { ...logger, child: () => logger as unknown as Logger },
      metrics: createKubeMetrics(registry),
    });
    reflector.addHandler(() => {
      throw new Error('thrown');
    });
    reflector.addHandler(async () => {
      throw new Error('rejected');
    });
    const after: number[] = [];
    reflector.addHandler((_, widget) => {
      after.push(widget?.spec.size ?? -1);
    });
    await eventually('the watch', () => watches().length === 1);
    for (let size = 0; size < 10; size++) put('a', size);
    await eventually('the last change', () => after.at(-1) === 9);
    expect(after).toHaveLength(10);
    expect(watches()).toHaveLength(1);
    await eventually('twenty errors in the log', () => errors.length === 20);
    const text = await registry.metrics();
    expect(text).toContain('reflector_handler_errors_total{kind="Widget"} 20');
    expect(text).toContain('reflector_lists_total{kind="Widget"} 1');
    expect(text).toMatch(/reflector_last_event_age_seconds\{kind="Widget"\} \d/);
  });

  it('resumes from the last bookmark', async () => {
    server.bookmarks = true;
    put('a', 1);
    const clock = createFastClock(100);
    start({ clock });
    await eventually('the watch', () => watches().length === 1);
    const putAtMs = clock.nowMs();
    server.state.put('/apis/example.com/v1/gadgets', 'x', { metadata: { name: 'x' } });
    const version = server.state.version;
    await eventually('the bookmark', () => clock.nowMs() - reflector.lastEventAgeMs() > putAtMs);
    server.state.compactedTo = version;
    server.cutWatches();
    await eventually('the second watch', () => watches().length === 2);
    expect(watches()[1]?.query.get('resourceVersion')).toBe(`${version}`);
    expect(lists()).toHaveLength(1);
  });

  it('410 on every resume still converges, be it an answer or an event', async () => {
    const gone = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } };
    let resumes = 0;
    server.fault = ({ query }) => {
      if (!query.has('watch')) return undefined;
      return resumes++ % 2 ? { status: 410 } : { inject: `${JSON.stringify(gone)}\n` };
    };
    start();
    for (let size = 0; size < 6; size++) {
      put('a', size);
      put(`a${size}`, size);
      await equal();
    }
    expect(lists().length).toBeGreaterThan(3);
    expect(reflector.store.size).toBe(7);
  });

  it('a watch cut every second still converges', async () => {
    start();
    const cutting = setInterval(() => server.cutWatches(watches().length % 2 === 0), 10);
    for (let size = 0; size < 60 || watches().length <= 10; size++) {
      put('a', size);
      if (size % 3 === 0) put(`b${size % 12}`, size);
      if (size % 21 === 0) remove('b0');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await equal();
    clearInterval(cutting);
    expect(lists()).toHaveLength(1);
  });

  it('asks for the newest state when the server does not know the version it has', async () => {
    put('a', 1);
    start();
    await eventually('the watch', () => watches().length === 1);
    const details = { causes: [{ reason: 'ResourceVersionTooLarge' }] };
    server.fault = ({ query }) =>
      query.has('resourceVersion')
        ? { status: 504, body: JSON.stringify({ kind: 'Status', code: 504, details }) }
        : undefined;
    server.cutWatches();
    await eventually('a list without a version', () => lists().length === 2);
    expect(lists()[1]?.query.has('resourceVersion')).toBe(false);
  });

  it('asks for the newest state when even its list is refused as too old', async () => {
    server.fault = ({ query }) => (query.has('resourceVersion') ? { status: 410 } : undefined);
    put('a', 1);
    start();
    await equal();
    expect(lists().map(({ query }) => query.get('resourceVersion'))).toEqual(['0', null]);
  });

  it('never reconnects faster than its backoff', async () => {
    const clock = createFakeClock();
    const attempts: { list: number[]; watch: number[] } = { list: [], watch: [] };
    let refuse: 'list' | 'watch' | 'end' = 'list';
    server.fault = ({ query }) => {
      if (!query.has('watch')) return refuse === 'list' ? { status: 403 } : undefined;
      return refuse === 'end' ? { status: 200, body: '' } : { status: 403 };
    };
    const timed: KubeClient = {
      ...client,
      list(type, options) {
        attempts.list.push(clock.nowMs());
        return client.list(type, options);
      },
      watch(type, options, onEvent) {
        attempts.watch.push(clock.nowMs());
        return client.watch(type, options, onEvent);
      },
    };
    start({ client: timed, clock });
    /** Lets time pass, only while the reflector waits for it, until there are so many gaps in all. */
    const gaps = async (of: 'list' | 'watch', count: number) => {
      const times = attempts[of];
      await eventually('attempts', () => {
        clock.advanceToNext();
        return times.length > count;
      });
      return times.slice(1).map((time, index) => time - (times[index] ?? 0));
    };
    for (const [index, gap] of (await gaps('list', 4)).entries()) {
      expect(gap).toBeGreaterThanOrEqual(800 * 2 ** index);
      expect(gap).toBeLessThanOrEqual(1_600 * 2 ** index);
    }
    refuse = 'watch';
    for (const gap of await gaps('watch', 3)) {
      expect(gap).toBeGreaterThanOrEqual(12_800);
      expect(gap).toBeLessThanOrEqual(30_000);
    }
    // A watch that ends as soon as it has begun is no better than a refused one.
    refuse = 'end';
    for (const gap of (await gaps('watch', 6)).slice(3)) expect(gap).toBeGreaterThanOrEqual(12_800);
  });

  it('goes on at once after a watch that lived, and starts its backoff over', async () => {
    const clock = createFakeClock();
    start({ clock });
    await eventually('the watch', () => watches().length === 1);
    // Time stands still but for this, so whatever follows did not wait for any.
    clock.advance(30_000);
    server.cutWatches();
    await eventually('the next watch', () => watches().length === 2);
    // This one has not lived, so the next waits, and not long: the backoff has started over.
    server.cutWatches();
    await eventually('the backoff', () => clock.pending === 1);
    clock.advance(1_599);
    expect(clock.pending).toBe(1);
    clock.advance(1_601);
    await eventually('the third watch', () => watches().length === 3);
  });

  it('stop() at any await leaves no socket', async () => {
    const before = openSockets().length;
    const one = () => client.close();
    for (let stopAt = 0; stopAt < 14; stopAt++) {
      await one();
      client = createClient(server.config);
      let step = 0;
      let stopping: Promise<void> | undefined;
      const here = () => {
        if (step++ === stopAt) stopping = reflector.stop();
        return undefined;
      };
      const slow = createReflector<Widget>({
        client: {
          ...client,
          list: async (type, options) => {
            here();
            const answer = await client.list(type, options);
            here();
            return answer;
          },
          watch: (type, options, onEvent) => {
            here();
            const end = client.watch(type, options, (event) => {
              here();
              onEvent(event);
            });
            here();
            return end.finally(here);
          },
        },
        type: Widgets,
        clock: createFastClock(100),
      });
      reflector = slow;
      server.fault = here;
      slow.start();
      let size = 0;
      await eventually(`step ${stopAt} is reached`, () => {
        put(`a${size % 5}`, size++);
        if (size % 5 === 4) server.cutWatches();
        return stopping !== undefined;
      });
      await stopping;
      await client.close();
      await eventually('no connection at the server', () => server.connections === 0);
      await eventually(`no socket after a stop at step ${stopAt}`, () => {
        return openSockets().length <= before;
      });
      const requests = server.seen.length;
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(server.seen).toHaveLength(requests);
    }
  });

  it('stops in its backoff, before its start, and twice', async () => {
    server.fault = () => ({ status: 403 });
    start({ clock: createFastClock(0.01) });
    await eventually('a refused list', () => lists().length === 1);
    await Promise.all([reflector.stop(), reflector.stop()]);
    reflector.start();
    const idle = createReflector({ client, type: Widgets });
    await idle.stop();
    idle.start();
    expect(idle.lastEventAgeMs()).toBe(Number.POSITIVE_INFINITY);
    expect(server.seen).toHaveLength(1);
  });

  it('lets a wait for its first list be given up', async () => {
    server.fault = () => ({ hang: true });
    start();
    const abort = new AbortController();
    const waiting = reflector.synced(abort.signal);
    abort.abort(new Error('given up'));
    await expect(waiting).rejects.toThrow('given up');
    await expect(reflector.synced(abort.signal)).rejects.toThrow('given up');
    server.fault = () => undefined;
  });
});
