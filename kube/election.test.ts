import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClient, type KubeClient } from './client.ts';
import type { Clock } from './clock.ts';
import { createElection, type ElectionOptions, LeadershipLostError } from './election.ts';
import { createKubeMetrics } from './metrics.ts';
import type { Lease } from './resources.ts';
import { createFastClock } from './testing/fake-clock.ts';
import { widget, widgets } from './testing/objects.ts';
import { type ScriptedServer, startScriptedServer } from './testing/scripted-server.ts';
import { eventually } from './testing/wait.ts';

vi.setConfig({ testTimeout: 30_000 });

const leases = '/apis/coordination.k8s.io/v1/leases';
const key = 'default/leader';
let server: ScriptedServer;
let client: KubeClient;
const stops: AbortController[] = [];
const runs: Promise<unknown>[] = [];

beforeEach(async () => {
  server = await startScriptedServer();
  client = createClient(server.config);
});
afterEach(async () => {
  for (const stop of stops.splice(0)) stop.abort();
  await Promise.all(runs.splice(0));
  await client.close();
  await server.stop();
});

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

function candidate(identity: string, options: Partial<ElectionOptions> = {}) {
  const stop = new AbortController();
  stops.push(stop);
  const events: string[] = [];
  const election = createElection({
    client,
    namespace: 'default',
    name: 'leader',
    identity,
    clock: createFastClock(20),
    ...options,
    async onStarted(signal) {
      events.push('started');
      await (options.onStarted ?? untilAborted)(signal);
      events.push('ended');
    },
    onStopped: () => events.push('stopped'),
  });
  let error: unknown;
  const run = election.run(stop.signal).catch((caught) => {
    error = caught;
  });
  runs.push(run);
  return { election, stop, events, run, error: () => error };
}
const lease = () => server.state.get(leases, key) as Lease;
const holder = () => (server.state.has(leases, key) ? lease().spec.holderIdentity : undefined);

describe('leader election', () => {
  it('leads, renews, ends its work on stop, and only then releases the lease', async () => {
    const registry = new Registry();
    let holderAtEnd: unknown;
    const one = candidate('one', {
      metrics: createKubeMetrics(registry),
      async onStarted(signal) {
        await untilAborted(signal);
        const version = lease().metadata.resourceVersion;
        // Renewed on while the workers finish.
        await eventually('a renewal', () => lease().metadata.resourceVersion !== version);
        holderAtEnd = holder();
      },
    });
    await eventually('one to lead', () => one.election.isLeader());
    expect(lease().spec).toMatchObject({
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      leaseTransitions: 1,
      renewTime: expect.stringMatching(/\.\d{6}Z$/),
    });
    await eventually('the work', () => one.events.length === 1);
    expect(await registry.metrics()).toContain('leader_election_master_status{name="leader"} 1');
    one.stop.abort();
    await one.run;
    expect(one.error()).toBeUndefined();
    expect(holderAtEnd).toBe('one');
    expect(one.events).toEqual(['started', 'ended', 'stopped']);
    expect(lease().spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    expect(await registry.metrics()).toContain('leader_election_master_status{name="leader"} 0');
    expect(one.election.isLeader()).toBe(false);
  });

  it('hands over at once when the holder stops cleanly', async () => {
    const real = createFastClock(1);
    const one = candidate('one', { clock: real });
    await eventually('one to lead', () => one.election.isLeader());
    const two = candidate('two', { clock: real });
    await eventually('two to watch', () => server.seen.some(({ query }) => query.has('watch')));
    one.stop.abort();
    await one.run;
    // With 15 s of lease and 2 s between tries on a real clock, this comes from watching.
    await eventually('two to lead', () => two.election.isLeader(), 2_000);
    expect(lease().spec.leaseTransitions).toBe(2);
  });

  it('waits for the lease duration since it saw the last change, whatever renewTime says', async () => {
    server.state.put(leases, key, {
      metadata: { name: 'leader', namespace: 'default' },
      spec: {
        holderIdentity: 'dead',
        leaseDurationSeconds: 15,
        renewTime: '1999-01-01T00:00:00.000000Z',
      },
    });
    const clock = createFastClock(20);
    const startMs = clock.nowMs();
    const one = candidate('one', { clock });
    await eventually('one to lead', () => one.election.isLeader());
    expect(clock.nowMs() - startMs).toBeGreaterThanOrEqual(15_000);
  });

  it('is lost when it cannot be renewed, and says so before anyone else can lead', async () => {
    const one = candidate('one');
    await eventually('one to lead', () => one.election.isLeader());
    const two = candidate('two');
    server.fault = ({ method, body }) =>
      method === 'PATCH' && body.includes('"one"') ? { hang: true } : undefined;
    await eventually('two to lead', () => {
      expect(one.election.isLeader() && two.election.isLeader()).toBe(false);
      return two.election.isLeader();
    });
    expect(one.error()).toBeInstanceOf(LeadershipLostError);
    expect(one.events.slice(0, 2)).toEqual(['started', 'stopped']);
  });

  it('is lost when someone else took the lease, and kept when someone only touched it', async () => {
    const one = candidate('one');
    await eventually('one to lead', () => one.election.isLeader());
    server.state.put(leases, key, { ...lease(), metadata: { ...lease().metadata, labels: {} } });
    const { version } = server.state;
    await eventually('a renewal', () => Number(lease().metadata.resourceVersion) > version);
    expect(one.election.isLeader()).toBe(true);
    const spec = { ...lease().spec, holderIdentity: 'usurper' };
    server.state.put(leases, key, { ...lease(), spec });
    await one.run;
    expect(one.error()).toBeInstanceOf(LeadershipLostError);
    expect(holder()).toBe('usurper');
  });

  it('takes the lease anew when it was deleted, and passes on what its work throws', async () => {
    const failure = Promise.withResolvers<void>();
    const one = candidate('one', { onStarted: () => failure.promise });
    await eventually('one to lead', () => one.election.isLeader());
    server.state.remove(leases, key);
    await eventually('the lease again', () => holder() === 'one');
    failure.reject(new Error('work failed'));
    await one.run;
    expect(String(one.error())).toContain('work failed');
    expect(holder()).toBe('');
  });

  it('does not take a deleted lease before the term of its holder is over', async () => {
    const clock = createFastClock(20);
    const one = candidate('one', { clock });
    await eventually('one to lead', () => one.election.isLeader());
    server.seen.length = 0;
    const two = candidate('two', { clock });
    const calls = (method: string, watching: boolean) =>
      server.seen.some((seen) => seen.method === method && seen.query.has('watch') === watching);
    await eventually('two to read and watch', () => calls('GET', false) && calls('GET', true));
    server.fault = ({ body }) => (body.includes('"one"') ? { status: 403 } : undefined);
    server.state.remove(leases, key);
    const deletedAtMs = clock.nowMs();
    await eventually('two to lead', () => {
      expect(one.election.isLeader() && two.election.isLeader()).toBe(false);
      return two.election.isLeader();
    });
    expect(clock.nowMs() - deletedAtMs).toBeGreaterThanOrEqual(15_000 - 100);
  });

  it('stops as a candidate without having led, also while the server is away', async () => {
    const one = candidate('one');
    await eventually('one to lead', () => one.election.isLeader());
    const two = candidate('two');
    await eventually('two to read', () => server.seen.length > 4);
    two.stop.abort();
    await two.run;
    expect(two.events).toEqual([]);
    server.fault = () => ({ status: 500 });
    const three = candidate('three');
    const { length } = server.seen;
    await eventually('three to try', () => server.seen.length > length);
    three.stop.abort();
    await three.run;
    expect(three.error()).toBeUndefined();
    server.fault = () => undefined;
  });

  it('keeps to itself that it could not release', async () => {
    const one = candidate('one');
    await eventually('one to lead', () => one.election.isLeader());
    server.fault = ({ body }) => (body.includes('""') ? { status: 403 } : undefined);
    one.stop.abort();
    await one.run;
    expect(one.error()).toBeUndefined();
    expect(holder()).toBe('one');
  });

  it('refuses durations that would let two lead', () => {
    expect(() => candidate('x', { renewDeadlineMs: 15_000 })).toThrow(RangeError);
    expect(() => candidate('x', { retryPeriodMs: 10_000 })).toThrow('retryPeriod < renewDeadline');
  });

  it('at most one leader at any instant, under faults and with clocks that disagree', async () => {
    const fast = createFastClock(20);
    const skewed = (offsetMs: number): Clock => ({ ...fast, nowMs: () => fast.nowMs() + offsetMs });
    let next = 0;
    const start = () => candidate(`c${next++}`, { clock: skewed(next * 1e6) });
    const all = [start(), start(), start()];
    let random = 7;
    const pick = (below: number) => {
      random = (random * 48_271) % 2_147_483_647;
      return random % below;
    };
    server.fault = ({ method }) => {
      const dice = pick(12);
      if (dice === 0) return { status: 500 };
      if (dice === 1) return { reset: true, afterCommit: pick(2) === 0 };
      if (dice === 2 && method === 'PATCH') return { hang: true };
      return undefined;
    };
    const leaders = new Set<unknown>();
    for (let round = 0; round < 1_200; round++) {
      const leading = all.filter(({ election }) => election.isLeader());
      expect(leading.length).toBeLessThanOrEqual(1);
      if (leading[0]) leaders.add(leading[0]);
      if (round % 300 === 299) server.cutWatches(true);
      if (round % 200 === 199) leading[0]?.stop.abort();
      for (const [index, one] of all.entries())
        if (one.stop.signal.aborted || one.error()) all[index] = start();
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    expect(leaders.size).toBeGreaterThan(2);
    server.fault = () => undefined;
  }, 30_000);

  it('at most one leader at any instant, also when the holder is stopped past its lease', async () => {
    server.state.put(widgets, 'default/shared', widget('shared'));
    const script = fileURLToPath(new URL('./testing/election-holder.ts', import.meta.url));
    const children = new Map<string, ChildProcess>();
    let next = 0;
    const launch = () => {
      const identity = `p${next++}`;
      const child = spawn(process.execPath, [script, server.url, identity, '2000', '1000', '200'], {
        stdio: 'inherit',
      });
      children.set(identity, child);
      child.on('exit', () => children.delete(identity));
    };
    const writers = () =>
      server.seen.flatMap(({ method, path, body }) =>
        method === 'PATCH' && path.endsWith('/shared') ? JSON.parse(body).spec.text : [],
      ) as string[];
    try {
      for (let count = 0; count < 3; count++) launch();
      for (let round = 0; round < 2; round++) {
        const leader = await eventually('a writer', () => {
          const last = writers().at(-1);
          return last !== undefined && last === holder() && children.has(last) ? last : undefined;
        });
        const stopped = children.get(leader);
        stopped?.kill('SIGSTOP');
        await eventually('another writer', () => writers().at(-1) !== leader);
        const before = writers().length;
        stopped?.kill('SIGCONT');
        await eventually('the end of the one that lost', () => !children.has(leader));
        expect(stopped?.exitCode).toBe(3);
        await eventually('more writes', () => writers().length > before + 50);
        launch();
      }
      const terms = writers().filter((writer, index, all) => writer !== all[index - 1]);
      expect(new Set(terms).size, terms.join()).toBe(terms.length);
      expect(terms.length).toBeGreaterThanOrEqual(3);
    } finally {
      for (const child of children.values()) child.kill('SIGKILL');
      await eventually('all children gone', () => children.size === 0);
    }
  }, 60_000);
});
