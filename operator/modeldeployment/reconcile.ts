import { isDeepStrictEqual } from 'node:util';
import type { AcceleratorProfile } from '../../crds/acceleratorprofile.ts';
import {
  type ModelDeployment,
  type ModelDeploymentStatus,
  ModelDeployments,
} from '../../crds/modeldeployment.ts';
import { claimNames } from '../../crds/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { ReconcileContext, Result } from '../../kube/controller.ts';
import { isNotFound } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { controllerOf } from '../../kube/object.ts';
import type { Pod } from '../../kube/resources.ts';
import type { Store } from '../../kube/store.ts';
import { type Applied, applyPlan } from './apply.ts';
import { byModelDeployment, rivalsOf } from './indexes.ts';
import { plan } from './plan.ts';
import { type Replica, replicaOf } from './replica.ts';
import { type ResolveSettings, resolve } from './resolve.ts';
import { revisionOf } from './revision.ts';
import { statusOf } from './status.ts';
import { tellTransitions } from './transitions.ts';

/** What a reconcile works with. */
export interface ReconcilerOptions {
  /** Fenced: writes fail once this process does not lead. */
  client: KubeClient;
  events: EventRecorder;
  modelDeployments: Store<ModelDeployment>;
  profiles: Store<AcceleratorProfile>;
  /** With the index {@link byModelDeployment}. */
  pods: Store<Pod>;
  settings: ResolveSettings;
  routerUrl: string;
  /** Milliseconds since 1970. */
  nowMs: () => number;
}

const refusedAgainAfterMs = 30_000;
const staleAgainAfterMs = 1_000;

/**
 * The ModelDeployment controller.
 * Observes: ModelDeployments, AcceleratorProfiles, Pods (by label).
 * Writes: Pods (create, delete), ResourceClaimTemplates (create), the status of ModelDeployments, Events.
 * Never writes: the spec of anything; `spec.replicas` is the user's or the HPA's.
 */
export function createReconciler(options: ReconcilerOptions) {
  const { client, events, settings, routerUrl, nowMs } = options;

  return async function reconcile(key: string, { signal }: ReconcileContext): Promise<Result> {
    const observed = observe(key, options);
    if (!observed) return undefined;
    const { deployment, present, takenSlots, references } = observed;
    const resolution = resolve(deployment, { ...references, settings });
    const revision = revisionOf(deployment, new Set(present.map((replica) => replica.revision)));
    const { replicas } = deployment.spec;

    let problem: Extract<typeof resolution, { problem: unknown }>['problem'] | undefined;
    let applied: Applied = { refusal: undefined, cacheIsBehind: false };
    let againAfterMs: number | undefined;
    if ('problem' in resolution) {
      problem = resolution.problem;
    } else {
      const planned = plan({ replicas, revision, present, takenSlots, nowMs: nowMs() });
      const using = { client, events, signal };
      applied = await applyPlan(deployment, resolution.resolved, revision, planned, using);
      againAfterMs = planned.againAfterMs;
    }

    const { refusal, cacheIsBehind } = applied;
    const shown = { deployment, problem, revision, present, refusal, routerUrl, nowMs: nowMs() };
    await writeStatus(deployment, statusOf(shown), signal);

    if (refusal !== undefined) return { requeueAfterMs: refusedAgainAfterMs };
    return { requeueAfterMs: cacheIsBehind ? staleAgainAfterMs : againAfterMs };
  };

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

/** Everything that the decision depends on; undefined when there is nothing to decide. */
function observe(key: string, { modelDeployments, profiles, pods }: ReconcilerOptions) {
  const deployment = modelDeployments.get(key);
  // What is being deleted takes its pods along by garbage collection.
  if (!deployment || deployment.metadata.deletionTimestamp) return undefined;
  const { uid } = deployment.metadata;
  const present: Replica[] = [];
  const takenSlots = new Set<number>();
  for (const pod of pods.byIndex(byModelDeployment, key)) {
    const replica = replicaOf(pod);
    if (controllerOf(pod)?.uid === uid) present.push(replica);
    else takenSlots.add(replica.slot);
  }
  const rivals = rivalsOf(modelDeployments, deployment);
  const references = {
    conflict: claimNames(rivals).conflicts.get(uid),
    profile: profiles.get(deployment.spec.accelerator.profile),
  };
  return { deployment, present, takenSlots, references };
}
