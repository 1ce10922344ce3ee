import { routerSelector } from '../../crds/labels.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Logger } from '../../kube/logger.ts';
import type { KubeMetrics } from '../../kube/metrics.ts';
import { keyOf } from '../../kube/object.ts';
import { podOrigin } from '../../kube/pod-origin.ts';
import { createReflector, type Reflector } from '../../kube/reflector.ts';
import { type Pod, Pods } from '../../kube/resources.ts';
import { slimPod } from '../catalog/replica.ts';
import type { Neighbours } from './neighbours.ts';

/** Name of the port of a router's pod that serves the demand stream. */
const internalPort = 'metrics';

/**
 * Finds the other routers by the labels of their pods, which the chart sets.
 * @param namespace this router's own, where all of them are
 * @param podName this router's own
 */
export function watchNeighbours(options: {
  client: KubeClient;
  namespace: string;
  podName: string;
  neighbours: Pick<Neighbours, 'set'>;
  log?: Logger | undefined;
  metrics?: KubeMetrics | undefined;
}): Pick<Reflector<Pod>, 'start' | 'stop'> {
  const { client, namespace, podName, neighbours, log, metrics } = options;
  const pods = createReflector<Pod>({
    ...{ client, namespace, log, metrics },
    type: Pods,
    labelSelector: routerSelector,
    transform: slimPod,
  });
  pods.addHandler((before, after) => {
    const pod = after ?? before;
    if (!pod || pod.metadata.name === podName) return;
    neighbours.set(keyOf(pod), after && podOrigin(after, internalPort));
  });
  return pods;
}
