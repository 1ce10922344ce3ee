import {
  engineContainer,
  managedByFairlead,
  managedByLabel,
  modelDeploymentLabel,
  ownerAnnotation,
  workerLabel,
} from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { Intent } from '../../kube/object.ts';
import type { LeaderWorkerSet, Pod } from '../../kube/resources.ts';
import type { Engine } from '../engines/engine.ts';
import { type PodIdentity, type PodTemplate, replicaPod } from '../modeldeployment/replica-pod.ts';

/** What the hosts beside the first one of a replica run; kept with the revision. */
export interface WorkerTemplate {
  /** Hosts in all. */
  size: number;
  spec: Pod['spec'];
}

/**
 * The pods that serve no requests but compute for one that does: the same engine, told so by further
 * arguments, without port and probes. Where it is in its group it reads from the variables that the
 * LeaderWorkerSet gives.
 */
export function workerTemplate(
  { spec }: PodTemplate,
  engine: Engine,
  size: number,
): WorkerTemplate {
  const containers = spec.containers.map((container) => {
    if (container.name !== engineContainer) return container;
    const { ports, startupProbe, readinessProbe, livenessProbe, lifecycle, ...rest } = container;
    return { ...rest, args: [...(rest.args ?? []), ...(engine.workerArgs ?? [])] };
  });
  return { size, spec: { ...spec, containers } };
}

/**
 * A replica of several hosts: a LeaderWorkerSet with one group. It is one for each replica, so that drain,
 * rollout and backoff are the same as of replicas of one host; it keeps the hosts of a group together and
 * starts all of them again when one fails.
 */
export function replicaGroup(
  deployment: ModelDeployment,
  template: PodTemplate,
  worker: WorkerTemplate,
  identity: PodIdentity,
): Intent<LeaderWorkerSet> {
  const { metadata, spec } = replicaPod(deployment, template, identity);
  const { name, namespace, labels, annotations, ownerReferences } = metadata;
  const own = {
    [managedByLabel]: managedByFairlead,
    [modelDeploymentLabel]: deployment.metadata.name,
  };
  return {
    metadata: {
      name,
      ...(namespace && { namespace }),
      labels: own,
      ...(ownerReferences && { ownerReferences }),
    },
    spec: {
      replicas: 1,
      leaderWorkerTemplate: {
        size: worker.size,
        restartPolicy: 'RecreateGroupOnPodRestart',
        leaderTemplate: {
          metadata: {
            ...(labels && { labels }),
            annotations: { ...annotations, [ownerAnnotation]: deployment.metadata.uid },
          },
          spec: spec as Pod['spec'],
        },
        workerTemplate: {
          metadata: { labels: { ...template.metadata.labels, ...own, [workerLabel]: 'true' } },
          spec: worker.spec,
        },
      },
    },
  };
}

/** Of a leader, the name of its LeaderWorkerSet; undefined: a pod by itself. */
export function groupOf({ metadata }: Pod): string | undefined {
  return metadata.labels?.['leaderworkerset.sigs.k8s.io/name'];
}

/** Of a worker, the key of its leader. */
export function leaderOf({ metadata }: Pod): string[] {
  const leader = metadata.annotations?.['leaderworkerset.sigs.k8s.io/leader-name'];
  return leader === undefined ? [] : [`${metadata.namespace}/${leader}`];
}
