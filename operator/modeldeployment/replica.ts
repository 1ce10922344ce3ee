import {
  attemptAnnotation,
  drainingAnnotation,
  revisionLabel,
  slotLabel,
} from '../../crds/labels.ts';
import { podCondition } from '../../kube/readiness.ts';
import type { Pod } from '../../kube/resources.ts';
import { groupOf } from '../groups/group.ts';
import { type Problem, problemOf } from './problem.ts';

/** A pod as plan() and the status see it. */
export interface Replica {
  name: string;
  uid: string;
  slot: number;
  revision: string;
  /** How many pods in a row died young in its place before it. */
  attempt: number;
  /**
   * live: is, or may come to be, serving. draining: gets no new request and finishes what it has.
   * terminating: deleted, perhaps with requests in flight. dead: ended for good and only takes up its name.
   */
  state: 'live' | 'draining' | 'terminating' | 'dead';
  /** Whether it has a node. */
  scheduled: boolean;
  /** Its LeaderWorkerSet, when it is of several hosts. */
  group: string | undefined;
  /** Which; empty: none yet. */
  node: string;
  /** Milliseconds since 1970. */
  createdAtMs: number;
  /** Whether its engine answers; false when terminating or dead. */
  ready: boolean;
  /** Not ready: since when, from its creation on. Milliseconds since 1970. */
  notReadySinceMs: number | undefined;
  /** draining: since when. terminating: when its grace period is over. dead: when it ended. */
  sinceMs: number | undefined;
  /** What keeps it from serving; undefined when nothing does. */
  problem: Problem | undefined;
}

/** A pod that lived this long has not died of what its predecessor died of. */
const oldAgeMs = 600_000;

/** Reads a pod that the operator made. */
export function replicaOf(pod: Pod): Replica {
  const { metadata, spec } = pod;
  const readiness = podCondition(pod, 'Ready');
  const state = stateOf(pod);
  const ready = (state === 'live' || state === 'draining') && readiness?.status === 'True';
  const createdAtMs = Date.parse(metadata.creationTimestamp);
  const sinceMs = sinceOf(pod, state);
  const diedOld = state === 'dead' && (sinceMs ?? 0) - createdAtMs > oldAgeMs;
  return {
    name: metadata.name,
    uid: metadata.uid,
    slot: numberOf(metadata.labels?.[slotLabel]),
    revision: metadata.labels?.[revisionLabel] ?? '',
    attempt: diedOld ? 0 : numberOf(metadata.annotations?.[attemptAnnotation]),
    state,
    scheduled: spec.nodeName !== undefined,
    group: groupOf(pod),
    node: spec.nodeName ?? '',
    createdAtMs,
    ready,
    notReadySinceMs: ready ? undefined : (timeOf(readiness?.lastTransitionTime) ?? createdAtMs),
    sinceMs,
    problem: state === 'terminating' ? undefined : problemOf(pod),
  };
}

/**
 * A replica of several hosts with the pods that compute for it: it has a node when all of them have, and what
 * keeps one of them from running keeps the replica from serving.
 */
export function withWorkers(replica: Replica, workers: readonly Pod[]): Replica {
  if (workers.length === 0 || replica.ready) return replica;
  const scheduled = replica.scheduled && workers.every(({ spec }) => spec.nodeName !== undefined);
  const [stuck] = workers.flatMap((worker) => {
    const problem = worker.metadata.deletionTimestamp ? undefined : problemOf(worker);
    if (!problem || passing.includes(problem.reason)) return [];
    return { ...problem, message: `its worker ${worker.metadata.name}: ${problem.message}` };
  });
  const own = replica.problem;
  const isOwn = own !== undefined && !passing.includes(own.reason);
  return { ...replica, scheduled, problem: isOwn ? own : (stuck ?? own) };
}

/** What a worker may be in while its leader waits for it. */
const passing: readonly Problem['reason'][] = ['Starting', 'Scheduling', 'LoadingWeights'];

function stateOf({ metadata, status }: Pod): Replica['state'] {
  if (metadata.deletionTimestamp) return 'terminating';
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return 'dead';
  return metadata.annotations?.[drainingAnnotation] === undefined ? 'live' : 'draining';
}

function sinceOf({ metadata, status }: Pod, state: Replica['state']): number | undefined {
  if (state === 'live') return undefined;
  if (state === 'terminating') return timeOf(metadata.deletionTimestamp);
  // A time that cannot be read counts as long ago: the drain is over at once.
  if (state === 'draining') return timeOf(metadata.annotations?.[drainingAnnotation]) ?? 0;
  const ends = [
    ...(status?.containerStatuses ?? []).map(({ state: of }) => of?.terminated?.finishedAt),
    ...(status?.conditions ?? []).map(({ lastTransitionTime }) => lastTransitionTime),
    metadata.creationTimestamp,
  ].flatMap((time) => timeOf(time) ?? []);
  return Math.max(...ends);
}

function timeOf(text: string | undefined): number | undefined {
  const timeMs = Date.parse(text ?? '');
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

function numberOf(text: string | undefined): number {
  const value = Number(text ?? 0);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
