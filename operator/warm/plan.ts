import { createHash } from 'node:crypto';
import { managedByFairlead, managedByLabel, warmLabel } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { controllerReference, type Intent } from '../../kube/object.ts';
import type { Pod } from '../../kube/resources.ts';
import type { PodTemplate } from '../modeldeployment/replica-pod.ts';
import { canonical } from '../modeldeployment/revision.ts';

/** What to do about the pods that keep nodes warm. */
export interface WarmPlan {
  creates: Intent<Pod>[];
  deletes: Pod[];
}

/** What is wanted, and what there is. */
export interface WarmInput {
  deployment: ModelDeployment;
  /** Of the present revision; undefined: there is none yet. */
  template: PodTemplate | undefined;
  /** Any image with `sleep` in it. */
  sleeperImage: string;
  /** Every such pod of the ModelDeployment. */
  present: readonly Pod[];
}

/**
 * While a model is at zero, `spec.warmNodes` pods, each on another node, hold the images that its replicas
 * would need: mounted, they are pulled once and stay. Pure.
 */
export function warmPlan({ deployment, template, sleeperImage, present }: WarmInput): WarmPlan {
  const { replicas, paused } = deployment.spec;
  if (paused) return { creates: [], deletes: [] };
  const wanted = template && replicas === 0 ? warmPods(deployment, template, sleeperImage) : [];
  const wantedNames = new Set(wanted.map(({ metadata }) => metadata.name));
  const names = new Set(present.map(({ metadata }) => metadata.name));
  const isOver = ({ metadata, status }: Pod) =>
    !wantedNames.has(metadata.name) || status?.phase === 'Failed' || status?.phase === 'Succeeded';
  return {
    deletes: present.filter((pod) => isOver(pod) && !pod.metadata.deletionTimestamp),
    creates: wanted.filter(({ metadata }) => !names.has(metadata.name)),
  };
}

/** One for each node that is to be warm; another template makes other names. */
function warmPods(
  deployment: ModelDeployment,
  template: PodTemplate,
  sleeperImage: string,
): Intent<Pod>[] {
  const { name, namespace } = deployment.metadata;
  const spec = podSpec(name, template.spec, sleeperImage);
  const hash = createHash('sha256').update(canonical(spec)).digest('hex').slice(0, 8);
  return Array.from({ length: deployment.spec.warmNodes ?? 0 }, (_, index) => ({
    metadata: {
      name: `${name}-warm-${hash}-${index}`,
      ...(namespace && { namespace }),
      labels: { [managedByLabel]: managedByFairlead, [warmLabel]: name },
      annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true' },
      ownerReferences: [{ ...controllerReference(deployment), blockOwnerDeletion: false }],
    },
    spec,
  }));
}

/** Where a replica could go, with its images mounted, and without its accelerators. */
function podSpec(model: string, replica: Pod['spec'], sleeperImage: string): Pod['spec'] {
  const { nodeSelector, tolerations, affinity, imagePullSecrets } = replica;
  const { initContainers = [], containers, volumes = [] } = replica;
  const references = [
    ...[...initContainers, ...containers].map(({ image }) => image),
    ...volumes.map(({ image }) => image?.reference),
  ];
  const images = [...new Set(references)].flatMap((reference, index) =>
    reference ? { name: `image-${index}`, image: { reference, pullPolicy: 'IfNotPresent' } } : [],
  );
  const apart = {
    topologyKey: 'kubernetes.io/hostname',
    labelSelector: { matchLabels: { [warmLabel]: model } },
  };
  return {
    containers: [
      {
        name: 'warm',
        image: sleeperImage,
        command: ['sleep', 'infinity'],
        resources: { requests: { cpu: '1m', memory: '8Mi' }, limits: { memory: '32Mi' } },
        volumeMounts: images.map(({ name }) => ({ name, mountPath: `/${name}`, readOnly: true })),
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
          readOnlyRootFilesystem: true,
        },
      },
    ],
    volumes: images,
    affinity: {
      ...(affinity?.nodeAffinity && { nodeAffinity: affinity.nodeAffinity }),
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [apart] },
    },
    ...(nodeSelector && { nodeSelector }),
    ...(tolerations && { tolerations }),
    ...(imagePullSecrets && { imagePullSecrets }),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // `sleep` as process 1 does not hear SIGTERM.
    terminationGracePeriodSeconds: 1,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
}
