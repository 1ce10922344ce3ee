import { expect, test } from 'vitest';
import type { DeleteOptions, KubeClient } from '../../kube/client.ts';
import { KubeApiError, type Status } from '../../kube/errors.ts';
import type { EventNote } from '../../kube/events.ts';
import type { ObjectRef } from '../../kube/object.ts';
import { modelDeployment, nowMs, replica } from '../testing/fixtures.ts';
import { applyPlan } from './apply.ts';
import type { Plan } from './plan.ts';
import type { PodTemplate } from './replica-pod.ts';

const template = { metadata: {}, spec: { containers: [] } };
const grouped = { ...template, worker: { size: 2, spec: { containers: [] } } };
const templates = new Map<string, { template: PodTemplate }>([
  ['new', { template }],
  ['large', { template: grouped }],
]);
const error = (code: number, reason: string, message = '') =>
  new KubeApiError('POST /api/v1/namespaces/models/pods', code, {
    code,
    reason,
    message,
  } as Status);

/** Carries out a plan against a fake API that answers each create and delete as it is told. */
async function carryOut(plan: Partial<Plan>, faults: Record<string, Error> = {}) {
  const calls: string[] = [];
  const notes: string[] = [];
  const answer = (call: string, name: string) => {
    calls.push(`${call} ${name}`);
    const fault = faults[`${call} ${name}`];
    if (fault) throw fault;
  };
  const client = {
    create: async (_type: unknown, intent: { metadata: { name: string } }) =>
      answer('create', intent.metadata.name),
    delete: async (_type: unknown, { name }: ObjectRef, { uid }: DeleteOptions) =>
      answer('delete', [name, uid].filter(Boolean).join(' ')),
    patch: async (_type: unknown, { name }: ObjectRef, patch: { metadata: { uid: string } }) =>
      answer('patch', `${name} ${JSON.stringify(patch.metadata)}`),
  } as unknown as KubeClient;
  const events = {
    record: (_object: unknown, { reason, note }: EventNote) => notes.push(`${reason}: ${note}`),
    flush: async () => {},
  };
  const nothing = { drains: [], undrains: [], deletes: [], creates: [], againAfterMs: undefined };
  const using = { client, events, signal: new AbortController().signal, nowMs };
  const full = { ...nothing, ...plan };
  const applied = await applyPlan(modelDeployment(), templates, full, using).catch(
    (thrown: unknown) => thrown,
  );
  return { calls, notes, applied };
}

const create = (...slots: number[]) => ({
  creates: slots.map((slot) => ({ slot, revision: 'new', attempt: 0 })),
});
const nothing = { refusal: undefined, cacheIsBehind: false };

test('deletions come first, each for this very pod, and all is told as Events', async () => {
  const deletes = [{ replica: replica(3), cause: 'Surplus', isCutOff: false }] as const;
  const { calls, notes, applied } = await carryOut({ ...create(0), deletes: [...deletes] });
  expect(calls).toEqual(['delete skiff-new-3 uid-new-3', 'create skiff-new-0']);
  expect(notes).toEqual([
    'PodDeleted: Deleted pod skiff-new-3: there are more replicas than asked for',
    'PodCreated: Created pod skiff-new-0',
  ]);
  expect(applied).toEqual(nothing);
});

test('a replica of several hosts is made and deleted as a group', async () => {
  const creates = [{ slot: 0, revision: 'large', attempt: 0 }];
  const leader = { ...replica(3), name: 'skiff-large-3-0', group: 'skiff-large-3' };
  const deletes = [
    { replica: leader, cause: 'Surplus' as const, isCutOff: false },
    { replica: leader, cause: 'Surplus' as const, isCutOff: true },
  ];
  const { calls, applied } = await carryOut({ creates, deletes });
  expect(calls).toEqual([
    'delete skiff-large-3',
    'delete skiff-large-3',
    'delete skiff-large-3-0 uid-new-3',
    'create skiff-large-0',
  ]);
  expect(applied).toEqual(nothing);
});

test('a cluster without groups is told of, and nothing further is tried', async () => {
  const creates = [0, 1].map((slot) => ({ slot, revision: 'large', attempt: 0 }));
  const faults = { 'create skiff-large-0': error(404, 'NotFound') };
  const { applied } = await carryOut({ creates }, faults);
  expect(applied).toEqual({ ...nothing, lacksGroups: true });
});

test('what serves is marked first, for this very pod, and what is needed again loses the mark', async () => {
  const drains = [{ replica: replica(1), cause: 'OldRevision' as const }];
  const { calls, notes } = await carryOut({ drains, undrains: [replica(2)] });
  expect(calls).toEqual([
    'patch skiff-new-1 {"uid":"uid-new-1","annotations":{"fairlead.dev/draining":"2026-11-21T12:00:00.000Z"}}',
    'patch skiff-new-2 {"uid":"uid-new-2","annotations":{"fairlead.dev/draining":null}}',
  ]);
  expect(notes).toEqual([
    'PodDraining: Draining pod skiff-new-1: it is of an old revision',
    'PodKept: Pod skiff-new-2 is not drained any more: it is to stay',
  ]);
});

test('a revision that is not kept is not made', async () => {
  const creates = [{ slot: 0, revision: 'lost', attempt: 0 }];
  expect((await carryOut({ creates })).calls).toEqual([]);
});

test.each([
  ['gone', error(404, 'NotFound')],
  ['another pod by now', error(409, 'Conflict')],
])('a pod that is %s needs no deletion', async (_case, fault) => {
  const deletes = [{ replica: replica(3), cause: 'Dead' as const, isCutOff: false }];
  const { applied, notes } = await carryOut({ deletes }, { 'delete skiff-new-3 uid-new-3': fault });
  expect(applied).toEqual(nothing);
  expect(notes).toEqual([]);
});

test('a name that is taken means that the cache is behind', async () => {
  const fault = { 'create skiff-new-0': error(409, 'AlreadyExists') };
  const { applied, notes } = await carryOut(create(0, 1), fault);
  expect(applied).toEqual({ ...nothing, cacheIsBehind: true });
  expect(notes).toEqual(['PodCreated: Created pod skiff-new-1']);
});

test.each([
  [
    403,
    'Forbidden',
    'pods "skiff-new-0" is forbidden: exceeded quota: q',
    'a pod is forbidden: exceeded quota: q',
  ],
  [422, 'Invalid', 'Pod "skiff-new-0" is invalid: spec: no.', 'a pod is invalid: spec: no'],
  [400, 'BadRequest', 'quantities must match', 'quantities must match'],
])(
  'a refusal with %i is quoted without the pod’s name, and the rest is not tried',
  async (code, reason, message, words) => {
    const slots = Array.from({ length: 20 }, (_, slot) => slot);
    const faults = Object.fromEntries(
      slots.map((slot) => [`create skiff-new-${slot}`, error(code, reason, message)]),
    );
    const { applied, calls } = await carryOut(create(...slots), faults);
    expect(applied).toEqual({ ...nothing, refusal: words });
    expect(calls.length).toBeLessThan(20);
  },
);

test('any other error is thrown, after everything was tried', async () => {
  const fault = error(500, 'InternalError');
  const { applied, calls } = await carryOut(create(0, 1), { 'create skiff-new-0': fault });
  expect(applied).toBe(fault);
  expect(calls).toEqual(['create skiff-new-0', 'create skiff-new-1']);
});
