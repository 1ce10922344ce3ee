import fc from 'fast-check';
import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import type { KubeClient } from './client.ts';
import type { Clock } from './clock.ts';
import { createElection, type ElectionOptions, LeadershipLostError } from './election.ts';
import { FencedError } from './errors.ts';
import { createKubeMetrics } from './metrics.ts';
import type { Lease } from './resources.ts';
import { createFakeClock, type FakeClock } from './testing/fake-clock.ts';
import { createMemoryClient, type MemoryFault } from './testing/memory-client.ts';
import { Widgets, widget, widgets } from './testing/objects.ts';
import type { SeenRequest } from './testing/scripted-calls.ts';
import { ScriptedState } from './testing/scripted-state.ts';

const leases = '/apis/coordination.k8s.io/v1/leases';
const key = 'default/leader';
let state: ScriptedState;
let clock: FakeClock;
let delayMs: () => number;
let fault: (request: SeenRequest) => MemoryFault | undefined;
/** Who wrote the shared widget, in the order in which the writes took effect. */
let writers: string[];

function reset(): void {
  state = new ScriptedState();
  clock = createFakeClock();
  delayMs = () => 0;
  fault = () => undefined;
  writers = [];
  state.put(widgets, 'default/shared', widget('shared'));
}
beforeEach(reset);

/** Lets everything happen that takes no time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) {
    clock.advance(0);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Lets time pass until `condition` holds, and gives how much it was. */
async function until(what: string, condition: () => boolean, mostMs = 120_000): Promise<number> {
  await settle();
  for (let passedMs = 0; passedMs <= mostMs; passedMs += 100) {
    if (condition()) return passedMs;
    clock.advance(100);
    await settle();
  }
  throw new Error(`not within ${mostMs} ms: ${what}`);
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve());
    if (signal.aborted) resolve();
  });

function clientOn(ownClock: Clock, identity: string): KubeClient {
  return createMemoryClient({
    state,
    clock: ownClock,
    network: clock,
    delayMs: () => delayMs(),
    fault: (request) => fault(request),
    onDone({ method, path }) {
      if (method === 'PATCH' && path.endsWith('/shared')) writers.push(identity);
    },
  });
}

function candidate(identity: string, options: Partial<ElectionOptions> = {}) {
  const ownClock = options.clock ?? clock;
  const client = clientOn(ownClock, identity);
  const stop = new AbortController();
  const events: string[] = [];
  const election = createElection({
    client,
    namespace: 'default',
    name: 'leader',
    identity,
    clock: ownClock,
    ...options,
    async onStarted(signal) {
      events.push('started');
      await (options.onStarted ?? untilAborted)(signal);
      events.push('ended');
    },
  });
  let error: unknown;
  const run = election.run(stop.signal).catch((caught) => {
    error = caught;
  });
  void run.then(() => events.push('over'));
  return { election, client, stop, events, run, error: () => error };
}
const lease = () => state.get(leases, key) as Lease;
const holder = () => (state.has(leases, key) ? lease().spec.holderIdentity : undefined);

describe('leader election', () => {
  it('leads, renews, ends its work on stop, and only then releases the lease', async () => {
    const registry = new Registry();
    const finish = Promise.withResolvers<void>();
    const metrics = createKubeMetrics(registry);
    const one = candidate('one', { metrics, onStarted: () => finish.promise });
    await until('one to lead', () => one.election.isLeader());
    expect(lease().spec).toMatchObject({
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      leaseTransitions: 1,
      renewTime: expect.stringMatching(/\.\d{6}Z$/),
    });
    expect(await registry.metrics()).toContain('leader_election_master_status{name="leader"} 1');
    one.stop.abort();
    const { resourceVersion } = lease().metadata;
    await until('a renewal while the work ends', () => {
      return lease().metadata.resourceVersion !== resourceVersion;
    });
    expect(holder()).toBe('one');
    finish.resolve();
    await settle();
    expect(one.error()).toBeUndefined();
    expect(one.events).toEqual(['started', 'ended', 'over']);
    expect(lease().spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    expect(await registry.metrics()).toContain('leader_election_master_status{name="leader"} 0');
    expect(one.election.isLeader()).toBe(false);
  });

  it('hands over in no time when the holder stops cleanly', async () => {
    const one = candidate('one');
    await until('one to lead', () => one.election.isLeader());
    const two = candidate('two');
    await settle();
    one.stop.abort();
    await settle();
    expect(two.election.isLeader()).toBe(true);
    expect(lease().spec.leaseTransitions).toBe(2);
  });

  it('waits for the lease duration since it saw the last change, whatever renewTime says', async () => {
    const spec = { holderIdentity: 'dead', leaseDurationSeconds: 15 };
    state.put(leases, key, {
      metadata: { name: 'leader', namespace: 'default' },
      spec: { ...spec, renewTime: '1999-01-01T00:00:00.000000Z' },
    });
    const one = candidate('one');
    const waitedMs = await until('one to lead', () => one.election.isLeader());
    expect(waitedMs).toBeGreaterThanOrEqual(15_000);
    expect(waitedMs).toBeLessThanOrEqual(16_000);
  });

  it('is lost when it cannot be renewed, and says so before anyone else can lead', async () => {
    const one = candidate('one');
    await until('one to lead', () => one.election.isLeader());
    const two = candidate('two');
    fault = ({ body }) => (body.includes('"one"') ? { lost: 'request' } : undefined);
    const lostAfterMs = await until('one to be lost', () => !one.election.isLeader());
    expect(lostAfterMs).toBeLessThanOrEqual(10_000);
    expect(two.election.isLeader()).toBe(false);
    await until('two to lead', () => two.election.isLeader());
    expect(one.error()).toBeInstanceOf(LeadershipLostError);
    expect(one.events).toContain('over');
  });

  it('is lost when someone else took the lease, and kept when someone only touched it', async () => {
    const one = candidate('one');
    await until('one to lead', () => one.election.isLeader());
    state.put(leases, key, { ...lease(), metadata: { ...lease().metadata, labels: {} } });
    const { version } = state;
    await until('a renewal', () => Number(lease().metadata.resourceVersion) > version);
    expect(one.election.isLeader()).toBe(true);
    const spec = { ...lease().spec, holderIdentity: 'usurper' };
    state.put(leases, key, { ...lease(), spec });
    await until('the end', () => one.events.includes('over'));
    expect(one.error()).toBeInstanceOf(LeadershipLostError);
    expect(holder()).toBe('usurper');
  });

  it('takes the lease anew when it was deleted, and passes on what its work throws', async () => {
    const failure = Promise.withResolvers<void>();
    const one = candidate('one', { onStarted: () => failure.promise });
    await until('one to lead', () => one.election.isLeader());
    state.remove(leases, key);
    await until('the lease again', () => holder() === 'one');
    failure.reject(new Error('work failed'));
    await settle();
    expect(String(one.error())).toContain('work failed');
    expect(holder()).toBe('');
  });

  it('does not take a deleted lease before the term of its holder is over', async () => {
    const one = candidate('one');
    await until('one to lead', () => one.election.isLeader());
    const two = candidate('two');
    await settle();
    fault = ({ body }) => (body.includes('"one"') ? { status: 403 } : undefined);
    state.remove(leases, key);
    const waitedMs = await until('two to lead', () => two.election.isLeader());
    expect(waitedMs).toBeGreaterThanOrEqual(15_000);
    expect(one.error()).toBeInstanceOf(LeadershipLostError);
  });

  it('stops as a candidate without having led, also while the server is away', async () => {
    const one = candidate('one');
    await until('one to lead', () => one.election.isLeader());
    const two = candidate('two');
    await settle();
    two.stop.abort();
    await settle();
    expect(two.events).toEqual(['over']);
    fault = () => ({ status: 500 });
    const three = candidate('three');
    await settle();
    three.stop.abort();
    await settle();
    expect(three.events).toEqual(['over']);
    expect(three.error()).toBeUndefined();
  });

  it('keeps to itself that it could not release', async () => {
    const one = candidate('one');
    await until('one to lead', () => one.election.isLeader());
    fault = ({ body }) => (body.includes('""') ? { status: 403 } : undefined);
    one.stop.abort();
    await settle();
    expect(one.events).toContain('over');
    expect(one.error()).toBeUndefined();
    expect(holder()).toBe('one');
  });

  it('at most one leader at any instant, and no write of an earlier one after the first of a later', async () => {
    let terms = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 15, maxLength: 40 }),
        dice,
        async (steps, roll) => {
          reset();
          delayMs = () => roll(4) * 100;
          fault = ({ method }) => {
            const outcome = roll(16);
            if (outcome === 0) return { status: 500 };
            if (outcome === 1) return { lost: 'answer' };
            return outcome === 2 && method === 'PATCH' ? { lost: 'request' } : undefined;
          };
          let made = 0;
          const launch = () => {
            const own = ownClock(++made * 1e9);
            const one = candidate(`c${made}`, { clock: own, onStarted: write });
            function write(signal: AbortSignal): Promise<void> {
              const writer = one.client.fenced(one.election.isLeader);
              const patch = { spec: { text: `c${made}` } };
              const ref = { namespace: 'default', name: 'shared' };
              const again = (): void => {
                if (signal.aborted) return;
                writer.patch(Widgets, ref, patch, { patchType: 'merge' }).catch(() => {});
                own.after(200, again);
              };
              again();
              return untilAborted(signal);
            }
            return { ...one, own };
          };
          const all = [launch(), launch(), launch()];
          for (const { act, who, lastsMs } of steps) {
            const one = all[who] ?? launch();
            if (act === 'pause') one.own.paused = true;
            else if (act === 'resume') one.own.paused = false;
            else if (act === 'stop') one.stop.abort();

            for (let passedMs = 0; passedMs < lastsMs; passedMs += 100) {
              clock.advance(100);
              await new Promise((resolve) => setImmediate(resolve));
              const leading = all.filter(({ election }) => election.isLeader());
              expect(leading.length).toBeLessThanOrEqual(1);
            }
            for (const [index, { events }] of all.entries())
              if (events.includes('over')) all[index] = launch();
          }
          const order = writers.filter((writer, index) => writer !== writers[index - 1]);
          expect(new Set(order).size, order.join()).toBe(order.length);
          terms += order.length;
        },
      ),
      { numRuns: 15 },
    );
    // So that it is known to have been about something.
    expect(terms).toBeGreaterThan(10);
  });

  it('holds back a write that was begun in time when the process wakes up after its term', async () => {
    const own = ownClock(0);
    const one = candidate('one', { clock: own });
    await until('one to lead', () => one.election.isLeader());
    // What lies between a call and the moment in which it leaves: credentials, a free connection.
    delayMs = () => 100;
    const ref = { namespace: 'default', name: 'shared' };
    const written = one.client
      .fenced(one.election.isLeader)
      .patch(Widgets, ref, {}, { patchType: 'merge' })
      .catch((error: unknown) => error);
    own.paused = true;
    clock.advance(20_000);
    own.paused = false;
    let outcome: unknown;
    void written.then((value) => {
      outcome = value;
    });
    await until('the outcome', () => outcome !== undefined);
    expect(outcome).toBeInstanceOf(FencedError);
    expect(writers).toEqual([]);
  });
});

/** What happens to the cluster and its three candidates, and how long nothing else does. */
const step = fc.record({
  act: fc.constantFrom('wait', 'pause', 'resume', 'stop'),
  who: fc.nat(2),
  lastsMs: fc.constantFrom(500, 2_000, 8_000, 20_000),
});
/** A source of small numbers that fast-check can replay. */
const dice = fc.infiniteStream(fc.nat(1_000)).map((numbers) => {
  return (below: number) => Number(numbers.next().value) % below;
});

/** The clock of a process that can be stopped: time goes on, but nothing of it runs. */
function ownClock(offsetMs: number): Clock & { paused: boolean } {
  let isPaused = false;
  const held: (() => void)[] = [];
  return {
    nowMs: () => clock.nowMs() + offsetMs,
    after(ms, then) {
      let isOff = false;
      const run = () => {
        if (isPaused) held.push(run);
        else if (!isOff) then();
      };
      const cancel = clock.after(ms, run);
      return () => {
        isOff = true;
        cancel();
      };
    },
    get paused() {
      return isPaused;
    },
    set paused(value) {
      isPaused = value;
      if (!value) for (const run of held.splice(0)) run();
    },
  };
}
