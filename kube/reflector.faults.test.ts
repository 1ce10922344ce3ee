import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClient, type KubeClient } from './client.ts';
import { keyOf } from './object.ts';
import { createReflector } from './reflector.ts';
import { createFastClock } from './testing/fake-clock.ts';
import { type Widget, Widgets, widget, widgets } from './testing/objects.ts';
import { type Fault, startScriptedServer } from './testing/scripted-server.ts';
import { eventually } from './testing/wait.ts';
import { createWatchDecoder, type WatchEvent } from './watch-events.ts';

const faults: Fault[] = [
  { status: 410, reason: 'Expired' },
  { status: 500 },
  { status: 429, headers: { 'retry-after': '0.01' } },
  { status: 504, body: 'not a status' },
  { reset: true },
  { delayMs: 5 },
  { inject: '{"type":"ADDED","object":{"metad\n' },
  { inject: '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n' },
  { inject: '{"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError"}}\n' },
];
type Step =
  | { do: 'put' | 'remove'; name: string }
  | { do: 'cut' | 'reset' | 'compact' | 'restart' | 'pause' }
  | { do: 'fault'; fault: Fault; times: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), name: names() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), name: names() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('cut' as const, 'reset', 'compact', 'restart', 'pause'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      fault: fc.constantFrom(...faults),
      times: fc.integer({ min: 1, max: 3 }),
    }),
  },
);
function names() {
  return fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
}

describe('reflector under faults', () => {
  it('after any fault script the store equals the list of the server within one relist', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const server = await startScriptedServer();
        const client = createClient(server.config, { clock: createFastClock(20) });
        const clock = createFastClock(200);
        const reflector = createReflector({ client, type: Widgets, clock });
        /** What a reader who only listens believes. */
        const told = new Map<string, Widget>();
        const surprises: string[] = [];
        reflector.addHandler((before, after) => {
          const object = after ?? before;
          if (!object) return;
          const key = keyOf(object);
          const known = told.get(key);
          // A deletion tells of the state at its end, every other change of the state that was told before.
          if (after ? known !== before : known?.metadata.uid !== before?.metadata.uid)
            surprises.push(`${key} was not ${known?.metadata.resourceVersion} before`);
          if (after) told.set(key, after);
          else told.delete(key);
        });
        reflector.start();
        const pending: Fault[] = [];
        server.fault = () => pending.shift();
        let size = 0;
        for (const one of steps) {
          if (one.do === 'put')
            server.state.put(widgets, `default/${one.name}`, widget(one.name, size++));
          else if (one.do === 'remove') {
            if (server.state.has(widgets, `default/${one.name}`))
              server.state.remove(widgets, `default/${one.name}`);
          } else if (one.do === 'fault') {
            for (let times = 0; times < one.times; times++) pending.push(one.fault);
          } else if (one.do === 'compact') server.state.compact();
          else if (one.do === 'cut') server.cutWatches();
          else if (one.do === 'reset') server.cutWatches(true);
          else if (one.do === 'pause') await new Promise((resolve) => setTimeout(resolve, 6));
          else {
            await server.stop();
            await new Promise((resolve) => setTimeout(resolve, 3));
            await server.start();
          }
        }
        await eventually('the script has been played', () => {
          if (pending.length > 0) server.cutWatches();
          return pending.length === 0 && reflector.hasSynced();
        });
        server.seen.length = 0;
        await eventually('the store equals the list of the server', () => {
          const want = server.state.list(widgets).map(({ metadata }) => metadata.resourceVersion);
          const have = reflector.store.list().map(({ metadata }) => metadata.resourceVersion);
          return want.sort().join() === have.sort().join();
        });
        expect(server.seen.filter(({ query }) => !query.has('watch')).length).toBeLessThanOrEqual(
          1,
        );
        expect(surprises).toEqual([]);
        expect(new Set(told.values())).toEqual(new Set(reflector.store.list()));
        await reflector.stop();
        await client.close();
        await server.stop();
      }),
      { numRuns: 60 },
    );
  }, 120_000);

  it('memory flat over a million events', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage: () => void = runInNewContext('gc');
    const heap = () => {
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const objects = 1_000;
    const perRound = 100_000;
    const heaps: number[] = [];
    let seen = 0;
    const ended = Promise.withResolvers<void>();
    const client = {
      list: async () => ({ items: [], resourceVersion: '1' }),
      async watch(_type: unknown, _options: unknown, onEvent: (event: WatchEvent<Widget>) => void) {
        let version = 1;
        for (let round = 0; round < 10; round++) {
          const decode = createWatchDecoder('WATCH', onEvent);
          for (let event = 0; event < perRound; event++) {
            const name = `w${event % objects}`;
            const metadata = { name, uid: name, resourceVersion: `${++version}` };
            const object = { metadata, spec: { size: version } };
            decode(Buffer.from(`${JSON.stringify({ type: 'MODIFIED', object })}\n`));
          }
          heaps.push(heap());
          await new Promise((resolve) => setImmediate(resolve));
        }
        ended.resolve();
        await new Promise(() => {});
      },
    } as unknown as KubeClient;
    const reflector = createReflector({
      client,
      type: Widgets,
      indexes: { bySize: ({ spec }) => [`${spec.size}`] },
    });
    reflector.addHandler((before, after) => {
      if (before && after) seen++;
    });
    reflector.start();
    await ended.promise;
    expect(seen).toBe(10 * perRound - objects);
    expect(reflector.store.size).toBe(objects);
    // Eight bytes an event would be 4.8 MB between these; what else comes and goes is less at its least.
    const growth = Math.min(...heaps.slice(-3)) - Math.min(...heaps.slice(1, 4));
    expect(growth, `${heaps}`).toBeLessThan(2_500_000);
  }, 240_000);
});
