import { isDeepStrictEqual } from 'node:util';
import type { AcceleratorProfile } from '../../crds/acceleratorprofile.ts';
import type { CanaryStatus } from '../../crds/modeldeployment/canary.ts';
import type { Capabilities } from '../../crds/modeldeployment/capabilities.ts';
import { featuresOf } from '../../crds/modeldeployment/features.ts';
import {
  type ModelDeployment,
  type ModelDeploymentStatus,
  ModelDeployments,
} from '../../crds/modeldeployment.ts';
import { servedNameOf } from '../../crds/names.ts';
import { wantedReplicas } from '../../crds/replicas.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { ReconcileContext, Result } from '../../kube/controller.ts';
import { isNotFound } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { keyOf } from '../../kube/object.ts';
import type { ControllerRevision, Pod } from '../../kube/resources.ts';
import type { Store } from '../../kube/store.ts';
import type { Agents } from '../adapters/agents.ts';
import { bringAdapters } from '../adapters/step.ts';
import type { Autoscaler } from '../autoscaling/autoscaler.ts';
import { bringLoads } from '../cache/bring.ts';
import { type LoadStores, loadStates, withProgress } from '../cache/state.ts';
import { type Canaries, planWithCanary } from '../canary/step.ts';
import type { ColdStarts } from '../coldstart/record.ts';
import { engines } from '../engines/engines.ts';
import { type ClaimantStores, conflictOf } from '../names/rivals.ts';
import { engineOrigin } from '../pod-origin.ts';
import type { Prober } from '../probe/prober.ts';
import { type Applied, applyPlan, fieldManager } from './apply.ts';
import { historyOf, outlived, profileHash, type StoredRevision } from './history.ts';
import { byLeader, byModelDeployment, byOwner, ownerUidOf } from './indexes.ts';
import { forgetRevisions, keepRevision } from './keep-revision.ts';
import type { Demand, Plan } from './plan.ts';
import { type Replica, replicaOf, withWorkers } from './replica.ts';
import { type ResolveSettings, resolve, type SpecProblem } from './resolve.ts';
import { revisionOf } from './revision.ts';
import { rolloutOf } from './rollout.ts';
import { statusOf } from './status.ts';
import { tellTransitions } from './transitions.ts';

/** What a reconcile works with. */
export interface ReconcilerOptions {
  /** Fenced: writes fail once this process does not lead. */
  client: KubeClient;
  events: EventRecorder;
  modelDeployments: Store<ModelDeployment>;
  /** These and the ExternalModels: whoever may have a name. */
  claimants: ClaimantStores;
  profiles: Store<AcceleratorProfile>;
  /** With the index {@link byModelDeployment}. */
  pods: Store<Pod>;
  /** With the index {@link byOwner}. */
  revisions: Store<ControllerRevision>;
  /** What the Jobs of caches load. */
  loads: LoadStores;
  demand: Demand;
  coldStarts: Pick<ColdStarts, 'lastOf'>;
  prober: Pick<Prober, 'look' | 'forget'>;
  agents: Agents;
  canaries: Canaries;
  scaling: Pick<Autoscaler, 'verdictOf'>;
  settings: ResolveSettings;
  routerUrl: string;
  /** Milliseconds since 1970. */
  nowMs: () => number;
}

const refusedAgainAfterMs = 30_000;
const staleAgainAfterMs = 1_000;

/** What one pass came to. */
interface Outcome extends Applied {
  problem?: SpecProblem | undefined;
  againAfterMs?: number | undefined;
  /** Absent: as it was. */
  canary?: { status: CanaryStatus | undefined };
}

/**
 * The ModelDeployment controller.
 * Observes: ModelDeployments, AcceleratorProfiles, Pods (by label), ControllerRevisions, Jobs (by label),
 * PersistentVolumeClaims, what routers and loaders say.
 * Writes: Pods (create, annotate, delete), ControllerRevisions (create, delete), ResourceClaimTemplates and
 * PersistentVolumeClaims (create), Jobs (create, owners, delete), the status of ModelDeployments, Events.
 * Never writes: the spec of anything; `spec.replicas` is the user's or a scaler's.
 */
export function createReconciler(options: ReconcilerOptions) {
  const { client, events, settings, demand, prober, canaries, routerUrl, nowMs } = options;
  /** What this process has done to pods that the cache still has as they were. */
  const unseen: Unseen = new WeakMap();

  return async function reconcile(key: string, { signal }: ReconcileContext): Promise<Result> {
    const observed = observe(key, options, unseen);
    if (!observed) {
      prober.forget(key);
      canaries.forget(key);
      return undefined;
    }
    const { deployment, present, loads, changedProfile } = observed;
    const outcome = deployment.spec.paused
      ? await keepAll(observed, signal)
      : await act(observed, signal);

    const { revision } = observed;
    const capabilities = outcome.problem ? deployment.status?.capabilities : tried(observed);
    const told = { ...outcome, deployment, revision, present, loads, capabilities, routerUrl };
    const scaling = options.scaling.verdictOf(key);
    const shown = { ...told, changedProfile, scaling, nowMs: nowMs() };
    const lastColdStart = options.coldStarts.lastOf(deployment);
    const adapters = await bringAdaptersOf(observed, signal);
    const canary = outcome.canary ? outcome.canary.status : deployment.status?.canary;
    await writeStatus(deployment, statusOf({ ...shown, lastColdStart, adapters, canary }), signal);

    const { refusal, lacksGroups, cacheIsBehind, againAfterMs } = outcome;
    const afterMs = Math.min(
      againAfterMs ?? Number.POSITIVE_INFINITY,
      refusal === undefined && !lacksGroups ? Number.POSITIVE_INFINITY : refusedAgainAfterMs,
      cacheIsBehind ? staleAgainAfterMs : Number.POSITIVE_INFINITY,
    );
    return Number.isFinite(afterMs) ? { requeueAfterMs: afterMs } : undefined;
  };

  /** While nothing is done, no replica is drained: what was to go serves on. */
  async function keepAll(observed: Observed, signal: AbortSignal): Promise<Outcome> {
    const { deployment, present, cached } = observed;
    const undrains = present.filter(({ state }) => state === 'draining');
    const planned: Plan = { ...nothing, undrains };
    const using = { client, events, signal, nowMs: nowMs() };
    const applied = await applyPlan(deployment, new Map(), planned, using);
    remember(planned, cached, unseen, using.nowMs);
    return applied;
  }

  /** load into caches → keep the revision → plan → apply → forget what is outlived. */
  async function act(observed: Observed, signal: AbortSignal): Promise<Outcome> {
    const { deployment, present, takenSlots, resolution, history, revision } = observed;
    const using = { client, events, signal, nowMs: nowMs() };
    const kept = history.get(revision);
    // What was resolved once needs nothing more, whatever became of the defaults or the profile since.
    if ('problem' in resolution && (!kept || resolution.problem.reason === 'NameConflict'))
      return { ...(await keepAll(observed, signal)), problem: resolution.problem };
    if ('resolved' in resolution) {
      const loading = { client, signal, settings, stores: options.loads };
      const refused = await bringLoads(deployment, resolution.resolved, loading);
      if (refused) return { ...idle, ...refused };
    }
    const stored =
      kept ??
      ('resolved' in resolution &&
        (await keepRevision(deployment, resolution.resolved, revision, history, using)));
    if (!stored) return { ...idle, cacheIsBehind: true };
    if ('refusal' in stored) return { ...idle, refusal: stored.refusal };

    const templates = new Map(history).set(revision, stored);
    const { rollout } = deployment.spec;
    const replicas = wantedReplicas(deployment);
    const current = deployment.status?.currentRevision;
    const fallback = current !== undefined && templates.has(current) ? current : undefined;
    const limits = rolloutOf(deployment.spec);
    // Until its weights are in the cache, what there is stays at the revision before.
    const isLoaded = observed.loads.length === 0;
    const isAhead = !isLoaded && !present.some((one) => one.revision === revision);
    const target = (isAhead && fallback) || revision;
    const wanted = { replicas, revision: target, fallback, rollout: limits };
    const input = { ...wanted, present, takenSlots, demand, nowMs: using.nowMs };
    const canary = canaries.step(deployment, input);
    const planned = planWithCanary(input, rollout.canary, canary.status);
    if (!isLoaded) planned.creates = planned.creates.filter((one) => one.revision !== revision);
    const applied = await applyPlan(deployment, templates, planned, using);
    remember(planned, observed.cached, unseen, using.nowMs);

    const needed = new Set([revision, current, ...present.map((one) => one.revision)]);
    await forgetRevisions(
      deployment,
      outlived(history, needed, rollout.revisionHistoryLimit),
      using,
    );
    if (canary.event) {
      const { reason, note } = canary.event;
      events.record(deployment, { type: 'Normal', reason, action: 'Canary', note });
    }
    return { ...applied, againAfterMs: planned.againAfterMs, canary };
  }

  function bringAdaptersOf(
    { deployment, present, cached, resolution }: Observed,
    signal: AbortSignal,
  ) {
    const pods = present.flatMap(({ uid, state }) => (state === 'live' && cached.get(uid)) || []);
    const adapters = 'resolved' in resolution ? resolution.resolved.weights.adapters : undefined;
    const using = { client, agents: options.agents, fieldManager, signal };
    const workers = pods.flatMap((pod) => options.pods.byIndex(byLeader, keyOf(pod)));
    return bringAdapters(deployment, pods, workers, adapters, using);
  }

  /** What the revision was found to do; the replica with the least to do is the one that is tried. */
  function tried({ deployment, present, cached, revision }: Observed): Capabilities | undefined {
    const { metadata, spec, status } = deployment;
    const isLive = ({ state, ready }: Replica) => state === 'live' && ready;
    const serving = present.filter((one) => one.revision === revision && isLive(one));
    const leastBusy = serving.toSorted((a, b) => demand.inFlight(a.uid) - demand.inFlight(b.uid));
    return prober.look({
      ...{ key: keyOf(deployment), uid: metadata.uid, revision, known: status?.capabilities },
      ...{ model: servedNameOf(deployment), features: featuresOf(spec.engine) },
      healthPath: engines[spec.engine.type].endpoint(spec.engine).healthPath,
      origins: leastBusy.flatMap(({ uid }) => {
        const pod = cached.get(uid);
        return (pod && engineOrigin(pod)) ?? [];
      }),
    });
  }

  async function writeStatus(
    deployment: ModelDeployment,
    status: ModelDeploymentStatus,
    signal: AbortSignal,
  ): Promise<void> {
    if (isDeepStrictEqual(deployment.status, status)) return;
    const { name, namespace, uid } = deployment.metadata;
    try {
      await client.apply(
        ModelDeployments,
        { metadata: { name, uid, ...(namespace && { namespace }) }, status },
        { fieldManager: 'fairlead-operator', force: true, subresource: 'status', signal },
      );
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    tellTransitions(events, deployment, status);
  }
}

const idle: Outcome = { refusal: undefined, cacheIsBehind: false };
const nothing: Plan = {
  drains: [],
  undrains: [],
  deletes: [],
  creates: [],
  againAfterMs: undefined,
};

type Observed = NonNullable<ReturnType<typeof observe>>;

/** Keyed by the cached object itself: the next one that the watch brings has no entry. */
type Unseen = WeakMap<Pod, Partial<Replica>>;

/**
 * Notes what a plan did, so that the next one, on a cache that is behind, does not take another replica for
 * the same purpose.
 */
function remember(
  { drains, undrains, deletes }: Plan,
  cached: ReadonlyMap<string, Pod>,
  unseen: Unseen,
  sinceMs: number,
): void {
  const note = ({ uid }: Replica, now: Partial<Replica>) => {
    const pod = cached.get(uid);
    if (pod) unseen.set(pod, now);
  };
  for (const { replica } of drains) note(replica, { state: 'draining', sinceMs });
  for (const replica of undrains) note(replica, { state: 'live', sinceMs: undefined });
  for (const { replica } of deletes) note(replica, { state: 'terminating', ready: false, sinceMs });
}

/** Everything that the decision depends on; undefined when there is nothing to decide. */
function observe(key: string, options: ReconcilerOptions, unseen: Unseen) {
  const { modelDeployments, claimants, profiles, pods, revisions, loads: stores } = options;
  const deployment = modelDeployments.get(key);
  // What is being deleted takes its pods along by garbage collection.
  if (!deployment || deployment.metadata.deletionTimestamp) return undefined;
  const { uid, namespace } = deployment.metadata;
  const present: Replica[] = [];
  const cached = new Map<string, Pod>();
  const takenSlots = new Set<number>();
  for (const pod of pods.byIndex(byModelDeployment, key)) {
    const seen = withWorkers(replicaOf(pod), pods.byIndex(byLeader, keyOf(pod)));
    const problem = withProgress(seen.problem, stores.progressOf(seen.uid));
    const replica = { ...seen, problem, ...unseen.get(pod) };
    cached.set(replica.uid, pod);
    if (ownerUidOf(pod) === uid) present.push(replica);
    else takenSlots.add(replica.slot);
  }
  const history: ReadonlyMap<string, StoredRevision> = historyOf(revisions.byIndex(byOwner, uid));
  const inUse = new Set([...history.keys(), ...present.map((replica) => replica.revision)]);
  const profile = profiles.get(deployment.spec.accelerator.profile);
  const resolution = resolve(deployment, {
    conflict: conflictOf(claimants, deployment),
    profile,
    hasClaim: (name) => stores.claims.get(keyOf({ metadata: { namespace, name } })) !== undefined,
    settings: options.settings,
  });
  const wanted = 'resolved' in resolution ? resolution.resolved.weights.loads : undefined;
  const loads = loadStates(namespace, wanted ?? [], stores).filter(({ problem }) => problem);
  const revision = revisionOf(deployment, inUse);
  const made = history.get(revision)?.profile;
  const isChanged = made !== undefined && profile && made !== profileHash(profile.spec);
  const changedProfile = isChanged ? profile.metadata.name : undefined;
  return {
    deployment,
    revision,
    history,
    present,
    cached,
    takenSlots,
    resolution,
    loads,
    changedProfile,
  };
}
