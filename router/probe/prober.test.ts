import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Pod } from '../../kube/resources.ts';
import { Prober } from './prober.ts';

const startTime = '2026-11-21T12:00:00Z';

/** A pod whose engine runs and that nobody has called Ready yet, unless told otherwise. */
function pod(name: string, status: 'True' | 'False' = 'False', since = startTime): Pod {
  const conditions = [
    { type: 'Initialized', status: 'True' },
    { type: 'Ready', status, lastTransitionTime: since },
  ];
  const container = {
    name: 'engine',
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/health', port: 'http' } },
  };
  return {
    metadata: { name, uid: name },
    spec: { containers: [container] },
    status: { phase: 'Running', podIP: `pod-${name}`, startTime, conditions },
  } as unknown as Pod;
}

/** What each question waits for, by the host that is asked. */
let open: Map<string, (serves: boolean | undefined) => void>;
let asked: string[];
let changes: number;
let prober: Prober;

beforeEach(() => {
  vi.useFakeTimers();
  open = new Map();
  asked = [];
  changes = 0;
  prober = new Prober({
    onChange: () => {
      changes++;
    },
    ask(url) {
      asked.push(url);
      return new Promise((resolve) => open.set(new URL(url).hostname, resolve));
    },
  });
});
afterEach(() => {
  prober.stop();
  vi.useRealTimers();
});

async function follow(...pods: Pod[]): Promise<void> {
  for (const one of pods) prober.follow(one);
  await vi.advanceTimersByTimeAsync(0);
}

async function answer(name: string, serves: boolean | undefined): Promise<void> {
  open.get(`pod-${name}`)?.(serves);
  await vi.advanceTimersByTimeAsync(0);
}

test('a pod answers until it does not, and no answer changes nothing', async () => {
  await follow(pod('a'));
  expect(asked).toEqual(['http://pod-a:8080/health']);
  await answer('a', false);
  expect([...prober.answering]).toEqual([]);
  await vi.advanceTimersByTimeAsync(100);
  await answer('a', true);
  expect([...prober.answering]).toEqual(['a']);
  await vi.advanceTimersByTimeAsync(100);
  await answer('a', undefined);
  expect([...prober.answering]).toEqual(['a']);
  await vi.advanceTimersByTimeAsync(100);
  await answer('a', false);
  expect([...prober.answering]).toEqual([]);
  expect(changes).toBe(2);
  expect(asked).toHaveLength(4);
});

test('a pod that does not answer in time is not asked again meanwhile', async () => {
  await follow(pod('a'));
  await vi.advanceTimersByTimeAsync(500);
  expect(asked).toHaveLength(1);
});

test('once the kubelet has spoken its word holds, whatever the engine says', async () => {
  await follow(pod('a'));
  await answer('a', true);
  await follow(pod('a', 'True'));
  expect([...prober.answering]).toEqual([]);
  // Within a second of its start: the times of the API do not tell that it has been Ready.
  await follow(pod('a', 'False'));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toHaveLength(1);
});

test('an answer that comes too late counts no more', async () => {
  await follow(pod('a'));
  await follow(pod('a', 'True'));
  await answer('a', true);
  expect([...prober.answering]).toEqual([]);
  await follow(pod('b'));
  prober.stop();
  await answer('b', true);
  await follow(pod('c'));
  await vi.advanceTimersByTimeAsync(1_000);
  expect([changes, asked.length]).toEqual([0, 2]);
});

test('many pods take turns', async () => {
  const names = Array.from({ length: 50 }, (_, index) => `p${index}`);
  await follow(...names.map((name) => pod(name)));
  for (const [rounds, most] of [20, 40, 50, 50].entries()) {
    expect(new Set(asked).size, `after ${rounds} rounds`).toBe(most);
    for (const name of names) await answer(name, false);
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(asked).toHaveLength(100);
});

test('pods that swallow their questions leave room for others, up to a bound', async () => {
  for (let index = 0; index < 150; index++) prober.follow(pod(`hung${index}`));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toHaveLength(100);
});
