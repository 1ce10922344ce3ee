import { z } from 'zod';
import { kubernetes, matching, stringMap } from './kubernetes.ts';
import { groupVersion, type ObjectMeta, type ResourceCoordinates } from './object.ts';

const toleration = z
  .strictObject({
    key: z.string().max(316).describe('Key of the taint; absent means every key.').optional(),
    operator: z
      .enum(['Exists', 'Equal'])
      .describe('How the value is compared. Default: Equal.')
      .optional(),
    value: z.string().max(63).describe('Value of the taint, for Equal.').optional(),
    effect: z
      .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
      .describe('Effect of the taint; absent means every effect.')
      .optional(),
    tolerationSeconds: z
      .int()
      .describe('How long a NoExecute taint is tolerated; absent means for ever.')
      .optional(),
  })
  .describe('A taint that replicas may ignore.');

/** How replicas get one kind of accelerator. */
export const acceleratorProfileSpec = z
  .strictObject({
    resourceName: z
      .string()
      .min(1)
      .max(316)
      .describe('The extended resource of one accelerator, such as `nvidia.com/gpu`.')
      .register(kubernetes, {
        rules: [
          matching(
            '[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?',
            'must be the name of an extended resource with its domain, such as "nvidia.com/gpu"',
          ),
        ],
      }),
    nodeSelector: stringMap(32)
      .describe('Labels that a node must have.')
      .register(kubernetes, { mapType: 'atomic' })
      .optional(),
    tolerations: z
      .array(toleration)
      .max(32)
      .describe('Taints that the replicas ignore.')
      .register(kubernetes, { listType: 'atomic' })
      .optional(),
    runtimeClassName: z
      .string()
      .min(1)
      .max(253)
      .describe('RuntimeClass of the pods, such as `nvidia`, where the accelerator needs one.')
      .optional(),
  })
  .describe(
    'How replicas get one kind of accelerator. A change reaches a ModelDeployment with its next revision.',
  );

export type AcceleratorProfileSpec = z.output<typeof acceleratorProfileSpec>;

/** One kind of accelerator in this cluster. */
export interface AcceleratorProfile {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: AcceleratorProfileSpec;
}

/** Where AcceleratorProfiles are served. */
export const AcceleratorProfiles: ResourceCoordinates<AcceleratorProfile> = {
  ...groupVersion,
  kind: 'AcceleratorProfile',
  plural: 'acceleratorprofiles',
  namespaced: false,
};
