import { z } from 'zod';
import { kubernetes, matching, quantity, stringMap } from './kubernetes.ts';
import { resourcesSpec, toleration } from './modeldeployment/accelerator.ts';
import { type engineTypes, environmentVariable } from './modeldeployment/engine.ts';
import { groupVersion, type ObjectMeta, type ResourceCoordinates } from './object.ts';

const image = z.string().min(1).max(1024);

/** One optional image an engine type that Fairlead has a default for. */
const images = z
  .strictObject({
    vLLM: image.describe('Image of vLLM.').optional(),
    LlamaCpp: image.describe('Image of llama.cpp’s llama-server.').optional(),
    SGLang: image.describe('Image of SGLang.').optional(),
    TGI: image.describe('Image of Text Generation Inference.').optional(),
    Ollama: image.describe('Image of Ollama.').optional(),
  } satisfies Partial<Record<(typeof engineTypes)[number], z.ZodType>>)
  .describe('Images of the engines for this accelerator, before those of the chart.');

/** How replicas get one kind of accelerator. */
export const acceleratorProfileSpec = z
  .strictObject({
    resourceName: z
      .string()
      .min(1)
      .max(316)
      .describe(
        'The extended resource of one accelerator, such as `nvidia.com/gpu` or `nvidia.com/mig-1g.10gb`.',
      )
      .register(kubernetes, {
        rules: [
          matching(
            '[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?',
            'must be the name of an extended resource with its domain, such as "nvidia.com/gpu"',
          ),
        ],
      })
      .optional(),
    deviceClassName: z
      .string()
      .min(1)
      .max(63)
      .describe(
        'Instead of resourceName: the DeviceClass of one accelerator (dynamic resource allocation, Kubernetes 1.34 or newer). Fairlead writes the ResourceClaimTemplate.',
      )
      .register(kubernetes, {
        rules: [
          matching(
            '[a-z0-9]([a-z0-9.-]*[a-z0-9])?',
            'must be the name of a DeviceClass, such as "gpu.nvidia.com"',
          ),
        ],
      })
      .optional(),
    memoryGiB: z
      .int32()
      .min(1)
      .max(4096)
      .describe(
        'Memory of one accelerator. Weights that with the cache of one request cannot fit are refused before they are loaded, or before the engine is started on them where they are mounted: vLLM, SGLang and TGI.',
      )
      .optional(),
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
    resources: resourcesSpec
      .describe(
        'CPU, memory and the like that go with each accelerator; `resources` of a ModelDeployment wins, name by name.',
      )
      .optional(),
    images: images.optional(),
    env: z
      .array(environmentVariable)
      .max(32)
      .describe('Variables for the engine; those of the ModelDeployment win.')
      .register(kubernetes, { listType: 'map', listMapKeys: ['name'] })
      .optional(),
    shmSize: quantity
      .describe(
        'Size of /dev/shm for engines whose processes share memory. Default: 1Gi for each accelerator.',
      )
      .optional(),
    pricePerHour: z
      .union([z.int(), z.string().max(16)])
      .describe(
        'What one accelerator costs in an hour, in whichever currency you count; only shown, as a metric for panels.',
      )
      .register(kubernetes, {
        rules: [
          {
            rule: "string(self).matches(r'^[0-9]+(\\.[0-9]+)?$')",
            message: 'must be a price, such as 2 or "2.49"',
          },
        ],
      })
      .optional(),
  })
  .describe(
    'How replicas get one kind of accelerator. A change reaches a ModelDeployment with its next revision.',
  )
  .register(kubernetes, {
    rules: [
      {
        rule: 'has(self.resourceName) != has(self.deviceClassName)',
        message: 'exactly one of resourceName and deviceClassName must be set',
      },
    ],
  });

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
