import {
  attemptAnnotation,
  engineLabel,
  managedByFairlead,
  managedByLabel,
  modelDeploymentLabel,
  revisionLabel,
  servedNameAnnotation,
  slotLabel,
} from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { servedNameOf } from '../../crds/names.ts';
import { controllerReference, type Intent } from '../../kube/object.ts';
import type { Pod } from '../../kube/resources.ts';
import type { WorkerTemplate } from '../groups/group.ts';

/** All of a pod that its revision decides. */
export interface PodTemplate {
  metadata: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: Pod['spec'];
  /** For a replica of several hosts: those beside the one that serves. */
  worker?: WorkerTemplate;
}

/** Which pod. */
export interface PodIdentity {
  revision: string;
  slot: number;
  attempt: number;
}

/** The name is the guard against a stale cache: a second create of one replica answers AlreadyExists. */
export function podName(deployment: string, { revision, slot }: PodIdentity): string {
  return `${deployment}-${revision}-${slot}`;
}

/** The pod of one replica, from the template of its revision. */
export function replicaPod(
  deployment: ModelDeployment,
  { metadata: { labels, annotations }, spec }: PodTemplate,
  identity: PodIdentity,
): Intent<Pod> {
  const { name, namespace } = deployment.metadata;
  const { revision, slot, attempt } = identity;
  return {
    metadata: {
      name: podName(name, identity),
      ...(namespace && { namespace }),
      labels: {
        ...labels,
        [managedByLabel]: managedByFairlead,
        [modelDeploymentLabel]: name,
        [revisionLabel]: revision,
        [slotLabel]: String(slot),
        [engineLabel]: deployment.spec.engine.type,
      },
      annotations: {
        ...annotations,
        [servedNameAnnotation]: servedNameOf(deployment),
        ...(attempt > 0 && { [attemptAnnotation]: `${attempt}` }),
      },
      // Blocking the owner's deletion would need the right to update finalizers, and gains nothing here.
      ownerReferences: [{ ...controllerReference(deployment), blockOwnerDeletion: false }],
    },
    spec,
  };
}
