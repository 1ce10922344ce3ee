import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { enginePort } from '../../crds/labels.ts';
import { podOrigin } from '../../kube/pod-origin.ts';
import type { Pod } from '../../kube/resources.ts';
import { hasAgent } from '../adapters/agents.ts';
import { coldStartOf } from '../coldstart/stages.ts';
import { leaderOf } from '../groups/group.ts';
import { replicaOf } from './replica.ts';
import { slimPod } from './slim-pod.ts';

const golden = join(import.meta.dirname, 'golden');
const templates = readdirSync(golden).map((file): [string, Pod] => [
  file,
  parse(readFileSync(join(golden, file), 'utf8')),
]);
const pods = templates.filter(([, { spec }]) => spec?.containers !== undefined);

test('there are pods to read', () => expect(pods.length).toBeGreaterThan(5));

test.each(pods)('%s: nothing that is read of a pod is missing', (_, { spec, metadata }) => {
  const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;
  const condition = (type: string, second: number) => {
    return { type, status: 'True', lastTransitionTime: at(second) };
  };
  const engine = { name: 'engine', image: 'i', imageID: '', restartCount: 0 };
  const killed = { exitCode: 137, reason: 'OOMKilled', startedAt: at(3), finishedAt: at(4) };
  const common = { podIP: '10.0.0.7', startTime: at(1) };
  const statuses: Pod['status'][] = [
    { phase: 'Pending' },
    {
      ...{ ...common, phase: 'Running' },
      conditions: [
        condition('PodScheduled', 1),
        condition('Initialized', 2),
        condition('Ready', 9),
      ],
      containerStatuses: [{ ...engine, ready: true, state: { running: { startedAt: at(3) } } }],
    },
    {
      ...{ ...common, phase: 'Running' },
      containerStatuses: [{ ...engine, ready: false, lastState: { terminated: killed } }],
    },
  ];
  const own = { ...metadata, name: 'm-abc-0', uid: 'u', creationTimestamp: at(0) };
  const pulled = (spec.volumes ?? []).map(({ image }) => image?.reference ?? 'none');
  const events = [...pulled, 'engine:1'].map((image) => ({
    reason: 'Pulled',
    note: `Successfully pulled image "${image}" in 1.5s (2s including waiting)`,
  }));
  for (const status of statuses) {
    const whole = {
      spec: { ...spec, nodeName: 'node-0' },
      metadata: own,
      status,
    } as unknown as Pod;
    const read = (pod: Pod) => [
      replicaOf(pod),
      podOrigin(pod, enginePort),
      hasAgent(pod),
      leaderOf(pod),
      coldStartOf(pod, events as Parameters<typeof coldStartOf>[1]),
    ];
    expect(read(slimPod(whole))).toEqual(read(whole));
  }
});
