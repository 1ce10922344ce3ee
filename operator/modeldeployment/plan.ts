import type { Replica } from './replica.ts';

/** What is wanted, and what there is. */
export interface PlanInput {
  /** `spec.replicas`. */
  replicas: number;
  /** The revision of the present spec. */
  revision: string;
  /** Every pod that belongs to the ModelDeployment. */
  present: readonly Replica[];
  /** Slots whose names are taken by pods of others, such as a deleted namesake's. */
  takenSlots: ReadonlySet<number>;
  /** Milliseconds since 1970. */
  nowMs: number;
}

/** Makes a pod in a slot that is free. */
export interface CreateAction {
  slot: number;
  attempt: number;
}

/** Why a pod is deleted. */
export type DeleteCause = 'Dead' | 'Surplus' | 'OldRevision';

export interface DeleteAction {
  replica: Replica;
  cause: DeleteCause;
}

export interface Plan {
  deletes: DeleteAction[];
  creates: CreateAction[];
  /** When to plan again though nothing has changed, in milliseconds from now. */
  againAfterMs: number | undefined;
}

/** A pod that is still there so long after its grace period is taken for one on a lost node. */
const overdueMs = 30_000;
const firstBackoffMs = 10_000;
const mostBackoffMs = 300_000;

/**
 * How long after the death of a pod its place stays empty: not at all the first time, then doubling from
 * 10 s to 5 min, so that a node that refuses every pod is not stormed.
 */
export function backoffMs(attempt: number): number {
  return attempt === 0 ? 0 : Math.min(mostBackoffMs, firstBackoffMs * 2 ** (attempt - 1));
}

/**
 * What to do now. Pure. Every action brings the pods nearer to `replicas` live ones of `revision`; on its
 * own result it plans nothing.
 *
 * - A pod that died is removed and replaced, at once or after its backoff.
 * - A pod that someone deleted is replaced at once, under another slot, while it finishes its requests.
 *   One of an old revision keeps its place until it is gone, for a spare accelerator rarely exists.
 * - Too many live pods: the least useful go first.
 * - Old revision: those that do not serve go at once, those that serve one by one, and never so that
 *   fewer than `replicas - 1` serve.
 */
export function plan(input: PlanInput): Plan {
  const { replicas, revision, present, takenSlots, nowMs } = input;
  const live = present.filter(({ state }) => state === 'live');
  const due = dueTimes(input);
  const deletes: DeleteAction[] = [];

  const dead = present.filter(({ state }) => state === 'dead');
  const buried = dead.filter((replica) => (due.get(replica) ?? 0) <= nowMs);
  for (const replica of buried) deletes.push({ replica, cause: 'Dead' });

  const surplus = byUsefulness(live, revision).slice(0, Math.max(0, live.length - replicas));
  for (const replica of surplus) deletes.push({ replica, cause: 'Surplus' });

  const kept = live.filter((replica) => !surplus.includes(replica));
  const old = kept.filter((replica) => replica.revision !== revision);
  const serving = kept.filter(({ ready }) => ready).length;
  let mayGo = Math.max(0, serving - Math.max(0, replicas - 1));
  for (const replica of byUsefulness(old, revision)) {
    if (replica.ready && mayGo-- <= 0) continue;
    deletes.push({ replica, cause: 'OldRevision' });
  }

  const waiting = present.filter((replica) => (due.get(replica) ?? 0) > nowMs);
  const missing = Math.max(0, replicas - kept.length - waiting.length);
  const attempts = buried.map(({ attempt }) => attempt + 1).sort((a, b) => b - a);
  const used = new Set([...takenSlots, ...present.map(({ slot }) => slot)]);
  const creates: CreateAction[] = [];
  for (let slot = 0; creates.length < missing; slot++) {
    if (!used.has(slot)) creates.push({ slot, attempt: attempts[creates.length] ?? 0 });
  }

  const nextMs = Math.min(...waiting.map((replica) => due.get(replica) ?? 0));
  const againAfterMs = Number.isFinite(nextMs) ? nextMs - nowMs : undefined;
  return { deletes, creates, againAfterMs };
}

/** Until when a pod that is not live keeps its place from being filled; nothing for those that do not. */
function dueTimes({ present, revision }: PlanInput): Map<Replica, number> {
  const due = new Map<Replica, number>();
  for (const replica of present) {
    const { state, attempt, endAtMs = 0 } = replica;
    if (state === 'dead') due.set(replica, endAtMs + backoffMs(attempt));
    if (state === 'terminating' && replica.revision !== revision)
      due.set(replica, endAtMs + overdueMs);
  }
  return due;
}

/** Least useful first: without node, not ready, of an old revision, the highest slot. */
function byUsefulness(replicas: readonly Replica[], revision: string): Replica[] {
  const rank = (replica: Replica) =>
    Number(replica.scheduled) * 4 +
    Number(replica.ready) * 2 +
    Number(replica.revision === revision);
  return replicas.toSorted((a, b) => rank(a) - rank(b) || b.slot - a.slot);
}
