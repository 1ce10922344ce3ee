import { z } from 'zod';
import { kubernetes, stringMap } from '../kubernetes.ts';
import { toleration } from './accelerator.ts';

const name = (of: string) => z.string().min(1).max(253).describe(of);
const atomic = { listType: 'atomic' } as const;
const byName = { listType: 'map', listMapKeys: ['name'] } as const;

const container = z
  .looseObject({
    name: z.string().min(1).max(63).describe('`engine` for the engine’s own container.'),
  })
  .describe('A container, as in a pod.');

const podSpec = z
  .strictObject({
    nodeSelector: stringMap(32)
      .describe('Labels that a node must have, beside those of the accelerator profile.')
      .optional(),
    tolerations: z
      .array(toleration)
      .max(32)
      .describe('Taints that the replicas ignore, beside those of the accelerator profile.')
      .register(kubernetes, atomic)
      .optional(),
    affinity: z.looseObject({}).describe('Affinity, as in a pod.').optional(),
    topologySpreadConstraints: z
      .array(z.looseObject({}).describe('A constraint, as in a pod.'))
      .max(8)
      .describe('How replicas spread over nodes and zones, as in a pod.')
      .register(kubernetes, atomic)
      .optional(),
    priorityClassName: name('PriorityClass of the pods.').optional(),
    runtimeClassName: name('RuntimeClass of the pods, before that of the profile.').optional(),
    schedulerName: name('Which scheduler places the pods.').optional(),
    serviceAccountName: name('ServiceAccount of the pods; its token is not mounted.').optional(),
    imagePullSecrets: z
      .array(
        z
          .strictObject({ name: name('Name of the Secret, in the same namespace.') })
          .describe('A Secret with registry credentials.'),
      )
      .max(8)
      .describe('Credentials for the engine’s image and for weights in an image.')
      .register(kubernetes, byName)
      .optional(),
    securityContext: z
      .looseObject({})
      .describe(
        'Pod security context, merged over Fairlead’s, which meets the restricted standard.',
      )
      .optional(),
    volumes: z
      .array(
        z
          .looseObject({ name: z.string().min(1).max(63).describe('Name of the volume.') })
          .describe('A volume, as in a pod.'),
      )
      .max(32)
      .describe('Further volumes. Paths of the host must be allowed by the chart.')
      .register(kubernetes, byName)
      .optional(),
    initContainers: z
      .array(container)
      .max(8)
      .describe(
        'Containers that run before the weights are loaded; with restartPolicy Always, sidecars.',
      )
      .register(kubernetes, byName)
      .optional(),
    containers: z
      .array(container)
      .max(8)
      .describe(
        'Sidecars, and under the name `engine` what is merged into the engine’s container: volumeMounts and securityContext.',
      )
      .register(kubernetes, byName)
      .optional(),
  })
  .describe('The part of a pod’s spec that is yours.');

const podMetadata = z
  .strictObject({
    labels: z
      .record(z.string(), z.string().max(63))
      .describe('Further labels of the pods; those of fairlead.dev are Fairlead’s.')
      .register(kubernetes, { maxProperties: 32 })
      .optional(),
    annotations: z
      .record(z.string(), z.string().max(4096))
      .describe('Further annotations of the pods; those of fairlead.dev are Fairlead’s.')
      .register(kubernetes, { maxProperties: 64 })
      .optional(),
  })
  .describe('Labels and annotations of the pods.');

/** What a user adds to the pods, in the words of Kubernetes' own pod template. */
export const podTemplateSpec = z
  .strictObject({ metadata: podMetadata.optional(), spec: podSpec.optional() })
  .describe(
    'What is merged into each replica’s pod, as in a Deployment’s template. What Fairlead needs itself is refused: Accepted=False, reason PodTemplateRefused.',
  );

export type PodTemplateSpec = z.output<typeof podTemplateSpec>;
