import type { Replica } from './replica.ts';

/** What is wanted, and what there is. */
export interface PlanInput {
  /** `spec.replicas`. */
  replicas: number;
  /** The revision of the present spec. */
  revision: string;
  /** The revision that all replicas were last brought to, where it can still be made. */
  fallback: string | undefined;
  /** Every pod that belongs to the ModelDeployment. */
  present: readonly Replica[];
  /** Slots whose names are taken by pods of others, such as a deleted namesake's. */
  takenSlots: ReadonlySet<number>;
  rollout: RolloutLimits;
  demand: Demand;
  /** Milliseconds since 1970. */
  nowMs: number;
}

/** `spec.rollout` with its defaults. */
export interface RolloutLimits {
  maxSurge: number;
  maxUnavailable: number;
  drainTimeoutMs: number;
  startTimeoutMs: number;
}

/** What the routers say of pods. */
export interface Demand {
  /** Requests in flight at a pod, over all routers. */
  inFlight(uid: string): number;
  /** Whether no router sends it anything any more, and none has a request in flight there. */
  isDrained(uid: string): boolean;
}

/** Why a pod has to go. */
export type Cause = 'Dead' | 'Surplus' | 'OldRevision';

export interface Departure {
  replica: Replica;
  cause: Cause;
}

/** Makes a pod in a slot that is free. */
export interface Creation {
  slot: number;
  revision: string;
  attempt: number;
}

export interface Plan {
  /** Serving pods that get no new request from now on. */
  drains: Departure[];
  /** Draining pods that are wanted after all. */
  undrains: Replica[];
  /** `isCutOff`: its time to finish is over, whatever is in flight. */
  deletes: (Departure & { isCutOff: boolean })[];
  creates: Creation[];
  /** When to plan again though nothing has changed, in milliseconds from now. */
  againAfterMs: number | undefined;
}

/** A pod that is still there so long after its grace period is taken for one on a lost node. */
const overdueMs = 30_000;
/** How often a drain is looked at, beside what the routers tell by themselves. */
const drainPollMs = 1_000;
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
 * own result it plans nothing (a rollout in trouble that is scaled down needs a step or two to come to rest).
 *
 * - A pod that died is removed and replaced, at once or after its backoff.
 * - A pod that someone deleted is replaced at once, under another slot, while it finishes its requests.
 * - Too many live pods: the least useful go first. What serves is drained before it is deleted.
 * - Old revision: a place passes to the new one when its pod is gone, or with maxSurge 1 before that. Pods
 *   that do not serve go at once, those that serve as far as `fewestReady` of them are left.
 * - A rollout whose new pods are in trouble takes nothing more away, and fills gaps with `fallback`.
 */
export function plan(input: PlanInput): Plan {
  const { replicas, revision, present, demand, rollout, nowMs } = input;
  const of = (state: Replica['state']) => present.filter((replica) => replica.state === state);
  const live = of('live');
  const isHeld = isRolloutHeld(input);
  const due = dueTimes(input, isHeld);
  const isOld = (replica: Replica) => replica.revision !== revision;

  const buried = of('dead').filter((replica) => (due.get(replica) ?? 0) <= nowMs);
  const waiting = present.filter((replica) => (due.get(replica) ?? 0) > nowMs);
  const made = isHeld ? (input.fallback ?? revision) : revision;
  const oldOnesStay = made !== revision || live.some((one) => isOld(one) && (one.ready || isHeld));
  const surge = replicas > 0 && oldOnesStay ? rollout.maxSurge : 0;

  const tooMany = leastUseful(live, replicas + surge, input);
  const kept = live.filter((replica) => !tooMany.includes(replica));
  const places = kept.length + waiting.length;
  const room = made === revision ? replicas - kept.filter((one) => !isOld(one)).length : replicas;
  const missing = Math.max(0, Math.min(replicas + surge - places, room));
  const undrains = of('draining')
    .filter((replica) => replica.ready && !isOld(replica) && made === revision)
    .slice(0, missing);

  const serving = kept.filter(({ ready }) => ready).length + undrains.length;
  let mayGo = serving - fewestReady(input);
  const outdated = leastUseful(kept.filter(isOld), 0, input).filter(
    ({ ready }) => !isHeld && (!ready || mayGo-- > 0),
  );
  const staying = kept.filter((replica) => !outdated.includes(replica));
  const extra = staying.some(isOld) ? [] : leastUseful(staying, replicas, input);
  const leaving = [
    ...[...tooMany, ...extra].map((replica): Departure => ({ replica, cause: 'Surplus' })),
    ...outdated.map((replica): Departure => ({ replica, cause: 'OldRevision' })),
  ];

  const deletes: Plan['deletes'] = [
    ...buried.map((replica) => ({ replica, cause: 'Dead' as const, isCutOff: false })),
    ...leaving.filter(({ replica }) => !replica.ready).map((one) => ({ ...one, isCutOff: false })),
  ];
  for (const replica of of('draining')) {
    if (undrains.includes(replica)) continue;
    const isDrained = demand.isDrained(replica.uid);
    const isOver = nowMs >= (replica.sinceMs ?? 0) + rollout.drainTimeoutMs;
    const cause = isOld(replica) ? 'OldRevision' : 'Surplus';
    if (isDrained || isOver) deletes.push({ replica, cause, isCutOff: !isDrained });
  }

  return {
    drains: leaving.filter(({ replica }) => replica.ready),
    undrains,
    deletes,
    creates: creations(input, made, missing - undrains.length, buried),
    againAfterMs: againAfterMs(input, [...due.values()]),
  };
}

type RolloutView = Pick<PlanInput, 'present' | 'revision' | 'rollout' | 'nowMs'>;

/** Whether the new pods are in trouble that does not pass by itself, or take longer than they may. */
export function isRolloutHeld(view: RolloutView): boolean {
  const { present, revision } = view;
  const isNew = (replica: Replica) => replica.state === 'live' && replica.revision === revision;
  const troubled = present.some((one) => isNew(one) && !one.ready && isTroubled(one));
  return troubled || lateReplicas(view).length > 0;
}

/** The pods of the revision that do not serve after all the time that they may take. */
export function lateReplicas({ present, revision, rollout, nowMs }: RolloutView): Replica[] {
  const isLate = ({ state, ready, notReadySinceMs }: Replica) =>
    state === 'live' && !ready && nowMs >= (notReadySinceMs ?? 0) + rollout.startTimeoutMs;
  return present.filter((replica) => replica.revision === revision && isLate(replica));
}

function isTroubled({ problem }: Replica): boolean {
  const passing = ['LoadingWeights', 'Starting', 'Scheduling', 'Unschedulable'];
  return problem !== undefined && !passing.includes(problem.reason);
}

/** With a surge the successor comes first, unless no node has room for it. */
function fewestReady({ replicas, revision, rollout, present }: PlanInput): number {
  const hasNoRoom = present.some(
    (replica) => replica.revision === revision && replica.problem?.reason === 'Unschedulable',
  );
  if (rollout.maxSurge > 0 && !hasNoRoom) return replicas;
  return Math.max(0, replicas - rollout.maxUnavailable);
}

/**
 * Until when a pod that is not live keeps its place from being filled: a dead one for its backoff, one of
 * an old revision until it is gone, for a spare accelerator rarely exists. Nothing for the others.
 */
function dueTimes({ present, revision }: PlanInput, isHeld: boolean): Map<Replica, number> {
  const due = new Map<Replica, number>();
  for (const replica of present) {
    const { state, attempt, sinceMs = 0 } = replica;
    const isOld = replica.revision !== revision;
    if (state === 'dead' && (!isOld || isHeld)) due.set(replica, sinceMs + backoffMs(attempt));
    if (state === 'terminating' && isOld) due.set(replica, sinceMs + overdueMs);
    if (state === 'draining' && isOld) due.set(replica, Number.POSITIVE_INFINITY);
  }
  return due;
}

/**
 * All but `most`, the least useful first: without node, not ready, of an old revision, with the fewest in
 * flight, on the node with the most replicas, the newest, whose prefix cache is the coldest.
 */
function leastUseful(
  replicas: readonly Replica[],
  most: number,
  { revision, demand }: PlanInput,
): Replica[] {
  const rank = (replica: Replica) =>
    Number(replica.scheduled) * 4 +
    Number(replica.ready) * 2 +
    Number(replica.revision === revision);
  const perNode = Map.groupBy(replicas, ({ node }) => node);
  const beside = ({ node }: Replica) => perNode.get(node)?.length ?? 0;
  const sorted = replicas.toSorted(
    (a, b) =>
      rank(a) - rank(b) ||
      demand.inFlight(a.uid) - demand.inFlight(b.uid) ||
      beside(b) - beside(a) ||
      b.createdAtMs - a.createdAtMs ||
      b.slot - a.slot,
  );
  return sorted.slice(0, Math.max(0, replicas.length - most));
}

function creations(
  { present, takenSlots }: PlanInput,
  revision: string,
  count: number,
  buried: readonly Replica[],
): Creation[] {
  const attempts = buried
    .filter((replica) => replica.revision === revision)
    .map(({ attempt }) => attempt + 1)
    .sort((a, b) => b - a);
  const used = new Set([...takenSlots, ...present.map(({ slot }) => slot)]);
  const creates: Creation[] = [];
  for (let slot = 0; creates.length < count; slot++) {
    const attempt = attempts[creates.length] ?? 0;
    if (!used.has(slot)) creates.push({ slot, revision, attempt });
  }
  return creates;
}

function againAfterMs(
  { present, revision, rollout, nowMs }: PlanInput,
  due: readonly number[],
): number | undefined {
  const times = [...due];
  for (const { state, ready, notReadySinceMs = 0, revision: of } of present) {
    if (state === 'draining') times.push(nowMs + drainPollMs);
    if (state === 'live' && !ready && of === revision)
      times.push(notReadySinceMs + rollout.startTimeoutMs);
  }
  const nextMs = Math.min(...times.filter((timeMs) => timeMs > nowMs));
  return Number.isFinite(nextMs) ? nextMs - nowMs : undefined;
}
