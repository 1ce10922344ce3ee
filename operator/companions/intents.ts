import {
  enginePort,
  managedByFairlead,
  managedByLabel,
  modelDeploymentLabel,
} from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { controllerReference, type Intent } from '../../kube/object.ts';
import type { NetworkPolicy, PodDisruptionBudget, Service } from '../../kube/resources.ts';
import { engines } from '../engines/engines.ts';

/** Who may reach model pods beside the pods of the same model, as in a NetworkPolicy's `from`. */
export type Peers = NonNullable<NonNullable<NetworkPolicy['spec']['ingress']>[number]['from']>;

/** What stands beside the pods of a ModelDeployment; undefined: there must be none. */
export interface Companions {
  service: Intent<Service>;
  budget: Intent<PodDisruptionBudget> | undefined;
  policy: Intent<NetworkPolicy> | undefined;
}

/**
 * The headless Service for those who go past the router, the budget that lets a node drain take one replica
 * at a time, and the policy that keeps the engine's other endpoints, which ask for no key, from everyone.
 * @param peers undefined: no policy
 */
export function companionsOf(deployment: ModelDeployment, peers: Peers | undefined): Companions {
  const { name, namespace } = deployment.metadata;
  const metadata = {
    name,
    ...(namespace && { namespace }),
    labels: { [managedByLabel]: managedByFairlead, [modelDeploymentLabel]: name },
    ownerReferences: [{ ...controllerReference(deployment), blockOwnerDeletion: false }],
  };
  const matchLabels = { [modelDeploymentLabel]: name };
  const selector = { matchLabels };
  const { engine } = deployment.spec;
  const { port } = engines[engine.type].endpoint(engine);
  return {
    service: {
      metadata,
      spec: {
        type: 'ClusterIP',
        clusterIP: 'None',
        selector: matchLabels,
        ports: [{ name: enginePort, port, targetPort: enginePort, appProtocol: 'http' }],
      },
    },
    budget:
      deployment.spec.replicas > 1
        ? {
            metadata,
            spec: { maxUnavailable: 1, selector, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
          }
        : undefined,
    policy: peers && {
      metadata,
      spec: {
        podSelector: selector,
        policyTypes: ['Ingress'],
        // The pods of one model may work together, such as the hosts of a model on several nodes.
        ingress: [{ from: [{ podSelector: selector }, ...peers] }],
      },
    },
  };
}
