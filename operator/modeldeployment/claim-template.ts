import { createHash } from 'node:crypto';
import type { AcceleratorProfileSpec } from '../../crds/acceleratorprofile.ts';
import { managedByFairlead, managedByLabel, modelDeploymentLabel } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { controllerReference, type Intent } from '../../kube/object.ts';
import type { ResourceClaimTemplate } from '../../kube/resources.ts';

/**
 * How the pods of a ModelDeployment get devices by dynamic resource allocation: a claim of its own for each
 * pod, made by Kubernetes from this template. A template never changes, so its name says what is in it; all
 * of them go with their owner.
 * @returns undefined when the profile uses no device class
 */
export function claimTemplateOf(
  deployment: ModelDeployment,
  profile: AcceleratorProfileSpec | undefined,
): Intent<ResourceClaimTemplate> | undefined {
  if (profile?.deviceClassName === undefined) return undefined;
  const { metadata, spec } = deployment;
  const { deviceClassName } = profile;
  const { count } = spec.accelerator;
  const content = JSON.stringify([metadata.uid, deviceClassName, count]);
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 8);
  return {
    metadata: {
      name: `${metadata.name}-${hash}`,
      ...(metadata.namespace && { namespace: metadata.namespace }),
      labels: { [managedByLabel]: managedByFairlead, [modelDeploymentLabel]: metadata.name },
      ownerReferences: [{ ...controllerReference(deployment), blockOwnerDeletion: false }],
    },
    spec: {
      spec: {
        devices: {
          requests: [
            {
              name: 'accelerator',
              exactly: { deviceClassName, allocationMode: 'ExactCount', count },
            },
          ],
        },
      },
    },
  };
}
