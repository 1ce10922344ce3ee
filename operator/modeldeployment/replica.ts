import { attemptAnnotation, revisionLabel, slotLabel } from '../../crds/labels.ts';
import type { Pod } from '../../kube/resources.ts';
import { type Problem, problemOf } from './problem.ts';

/** A pod as plan() and the status see it. */
export interface Replica {
  name: string;
  uid: string;
  slot: number;
  revision: string;
  /** How many pods in a row died in its place before it. */
  attempt: number;
  /**
   * live: is, or may come to be, serving. dead: ended for good and only takes up its name. terminating:
   * on its way out, perhaps with requests in flight.
   */
  state: 'live' | 'dead' | 'terminating';
  /** Whether it has a node. */
  scheduled: boolean;
  /** Whether it serves. False unless live. */
  ready: boolean;
  /** dead: when it ended. terminating: when its grace period is over. Milliseconds since 1970. */
  endAtMs: number | undefined;
  /** What keeps it from serving; undefined when nothing does. */
  problem: Problem | undefined;
}

/** Reads a pod that the operator made. */
export function replicaOf(pod: Pod): Replica {
  const { metadata, spec, status } = pod;
  const dead = status?.phase === 'Failed' || status?.phase === 'Succeeded';
  const state = metadata.deletionTimestamp ? 'terminating' : dead ? 'dead' : 'live';
  const isReady = status?.conditions?.some(
    ({ type, status: is }) => type === 'Ready' && is === 'True',
  );
  return {
    name: metadata.name,
    uid: metadata.uid,
    slot: numberOf(metadata.labels?.[slotLabel]),
    revision: metadata.labels?.[revisionLabel] ?? '',
    attempt: numberOf(metadata.annotations?.[attemptAnnotation]),
    state,
    scheduled: spec.nodeName !== undefined,
    ready: state === 'live' && isReady === true,
    endAtMs: endOf(pod, state),
    problem: state === 'terminating' ? undefined : problemOf(pod),
  };
}

function endOf({ metadata, status }: Pod, state: Replica['state']): number | undefined {
  if (state === 'terminating') return Date.parse(metadata.deletionTimestamp ?? '');
  if (state === 'live') return undefined;
  const ends = [
    ...(status?.containerStatuses ?? []).map(({ state: of }) => of?.terminated?.finishedAt),
    ...(status?.conditions ?? []).map(({ lastTransitionTime }) => lastTransitionTime),
    metadata.creationTimestamp,
  ].flatMap((time) => (time ? [Date.parse(time)] : []));
  return Math.max(...ends);
}

function numberOf(text: string | undefined): number {
  const value = Number(text ?? 0);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
