import {
  drainingAnnotation,
  enginePort,
  kvEventsPort,
  kvReplayPort,
  modelDeploymentLabel,
  revisionLabel,
} from '../../crds/labels.ts';
import { urlHost } from '../../kube/pod-origin.ts';
import { isReady } from '../../kube/readiness.ts';
import type { Pod } from '../../kube/resources.ts';
import { adapterIds, loadedAdapters } from './adapters.ts';
import type { Replica } from './model.ts';

/** Whether a pod may get new requests: `ready`; not yet: `starting`; never again: `terminating`. */
export type PodState = 'ready' | 'starting' | 'terminating';

const none: ReadonlySet<string> = new Set();

/**
 * Judges a pod by what the API server says of it.
 * @param answering uids of pods whose engines answer already, though nobody says yet that they are Ready
 */
export function podState(pod: Pod, answering: ReadonlySet<string> = none): PodState {
  const { metadata, status } = pod;
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  const draining = metadata.annotations?.[drainingAnnotation] !== undefined;
  if (metadata.deletionTimestamp !== undefined || draining || ended) return 'terminating';
  const serves = isReady(pod) || answering.has(metadata.uid);
  return serves && status?.podIP ? 'ready' : 'starting';
}

/** Where a ready pod is reached; undefined when none of its containers has a port named `http`. */
export function replicaOf(pod: Pod): Replica | undefined {
  const { metadata, spec, status } = pod;
  const ports = spec.containers.flatMap((container) => container.ports ?? []);
  const portOf = (wanted: string) => ports.find(({ name }) => name === wanted)?.containerPort;
  const port = portOf(enginePort);
  const [events, replay] = [portOf(kvEventsPort), portOf(kvReplayPort)];
  const address = status?.podIP;
  if (port === undefined || !address) return undefined;
  const ids = adapterIds(pod);
  const adapters = ids ? new Set(ids) : loadedAdapters(pod);
  return {
    id: metadata.uid,
    pod: metadata.name,
    namespace: metadata.namespace ?? '',
    revision: metadata.labels?.[revisionLabel] ?? '',
    host: urlHost(address),
    port,
    ...(adapters && { adapters }),
    ...(ids && { adapterIds: ids }),
    ...(events && replay && { kvEvents: { port: events, replayPort: replay } }),
  };
}

/** The ModelDeployment that a pod belongs to: its `namespace/name`. */
export function ownerKey({ metadata: { namespace, labels } }: Pod): string {
  return `${namespace}/${labels?.[modelDeploymentLabel]}`;
}

/** A pod with only what the catalog and the prober read, so that a large cluster's pods do not fill the memory. */
export function slimPod(pod: Pod): Pod {
  const { readinessGates } = pod.spec;
  const containers = pod.spec.containers.map(({ name, ports, readinessProbe }) => {
    return { name, ports, readinessProbe };
  });
  const { phase, podIP, startTime, conditions, containerStatuses } = pod.status ?? {};
  const containerIds = containerStatuses?.map(({ name, containerID }) => ({ name, containerID }));
  return {
    ...pod,
    spec: { containers, readinessGates } as Pod['spec'],
    status: {
      ...{ phase, podIP, startTime, conditions },
      containerStatuses: containerIds,
    } as NonNullable<Pod['status']>,
  };
}
