import type { AcceleratorProfileSpec } from '../../crds/acceleratorprofile.ts';
import {
  attemptAnnotation,
  engineContainer,
  enginePort,
  managedByFairlead,
  managedByLabel,
  modelDeploymentLabel,
  revisionLabel,
  slotLabel,
} from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { servedNameOf } from '../../crds/names.ts';
import { controllerReference, type Intent } from '../../kube/object.ts';
import type { Pod } from '../../kube/resources.ts';
import type { Container, Endpoint, Engine, EnvironmentVariable } from '../engines/engine.ts';
import type { Weights } from '../weights/weights.ts';
import { type Devices, devicesOf, resources } from './devices.ts';
import { mountPathsOf, withTemplate } from './pod-template.ts';

/** All that a spec refers to, found. */
export interface Resolved {
  engine: Engine;
  image: string;
  weights: Weights;
  /** Undefined for the built-in profile `cpu`. */
  profile: AcceleratorProfileSpec | undefined;
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

/** `rollout.drainTimeout` of the API: how long a pod may finish its requests, in seconds. */
const drainTimeoutSeconds = 600;
/** `rollout.startTimeout` of the API: how long loading a model may take, in seconds. */
const startTimeoutSeconds = 3600;
/** Debian's and distroless' "nonroot"; set because many engine images are made to run as root. */
const userId = 65532;

/**
 * The pod of one replica: what Fairlead makes of the spec, with the user's podTemplate merged into it.
 * Restricted Pod Security; the root file system is read-only.
 */
export function renderPod(
  deployment: ModelDeployment,
  resolved: Resolved,
  identity: PodIdentity,
): Intent<Pod> {
  const { metadata, spec } = deployment;
  const { weights, profile } = resolved;
  const { revision, slot, attempt } = identity;
  const scratch = scratchVolumes(deployment, resolved);
  const { resourceClaims, container: devices } = devicesOf(deployment, profile);
  const pod: Intent<Pod> & Pick<Pod, 'spec'> = {
    metadata: {
      name: podName(metadata.name, identity),
      ...(metadata.namespace && { namespace: metadata.namespace }),
      labels: {
        [managedByLabel]: managedByFairlead,
        [modelDeploymentLabel]: metadata.name,
        [revisionLabel]: revision,
        [slotLabel]: String(slot),
      },
      ...(attempt > 0 && { annotations: { [attemptAnnotation]: String(attempt) } }),
      // Blocking the owner's deletion would need the right to update finalizers, and gains nothing here.
      ownerReferences: [{ ...controllerReference(deployment), blockOwnerDeletion: false }],
    },
    spec: {
      containers: [engineContainerOf(deployment, resolved, scratch, devices)],
      volumes: [...weights.volumes, ...scratch.map(({ volume }) => volume)],
      ...(resourceClaims && { resourceClaims }),
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: drainTimeoutSeconds,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: userId,
        runAsGroup: userId,
        fsGroup: userId,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...placement(profile),
    },
  };
  return spec.podTemplate ? withTemplate(pod, spec.podTemplate) : pod;
}

/** A volume that is empty when the pod starts, and where the engine has it. */
interface Scratch {
  volume: NonNullable<Pod['spec']['volumes']>[number];
  mountPath: string;
}

/** What the engine writes to; the user may have put a volume of their own there. */
function scratchVolumes({ spec }: ModelDeployment, { engine, profile }: Resolved): Scratch[] {
  const scratch: Scratch[] = engine.writablePaths.map((mountPath, index) => ({
    volume: { name: `writable-${index}`, emptyDir: {} },
    mountPath,
  }));
  if (engine.usesSharedMemory) {
    const sizeLimit = String(profile?.shmSize ?? `${profile ? spec.accelerator.count : 1}Gi`);
    const volume = { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit } };
    scratch.push({ volume, mountPath: '/dev/shm' });
  }
  const taken = mountPathsOf(spec.podTemplate);
  return scratch.filter(({ mountPath }) => !taken.includes(mountPath));
}

function engineContainerOf(
  deployment: ModelDeployment,
  { engine, image, weights, profile }: Resolved,
  scratch: readonly Scratch[],
  devices: Devices['container'],
): Container {
  const { spec } = deployment;
  const input = {
    spec,
    servedName: servedNameOf(deployment),
    modelPath: weights.modelPath,
    accelerators: profile ? spec.accelerator.count : 0,
  };
  const endpoint = engine.endpoint(spec.engine);
  const command = engine.command?.(input);
  const { envFrom } = spec.engine;
  return {
    name: engineContainer,
    image,
    ...(command && { command }),
    args: [...engine.args(input), ...(spec.engine.args ?? [])],
    env: environment(engine.env(input), profile?.env ?? [], spec.engine.env ?? []),
    ...(envFrom && { envFrom: envFrom as NonNullable<Container['envFrom']> }),
    ports: [{ name: enginePort, containerPort: endpoint.port, protocol: 'TCP' }],
    resources: resources(deployment, profile, devices),
    ...probes(endpoint),
    lifecycle: { preStop: engine.preStop() },
    // The engine's last words, which the status quotes.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      ...weights.volumeMounts,
      ...scratch.map(({ volume: { name }, mountPath }) => ({ name, mountPath })),
    ],
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
  };
}

function placement(profile: AcceleratorProfileSpec | undefined): Partial<Pod['spec']> {
  const { nodeSelector, tolerations, runtimeClassName } = profile ?? {};
  return {
    ...(nodeSelector && { nodeSelector }),
    ...(tolerations && { tolerations: tolerations as NonNullable<Pod['spec']['tolerations']> }),
    ...(runtimeClassName && { runtimeClassName }),
  };
}

type OwnVariable = NonNullable<ModelDeployment['spec']['engine']['env']>[number];

/** Of one name, the later list wins: the engine's, the profile's, the user's. */
function environment(
  ...lists: readonly (readonly (EnvironmentVariable | OwnVariable)[])[]
): EnvironmentVariable[] {
  const byName = new Map(lists.flat().map((variable) => [variable.name, variable]));
  return [...byName.values()] as EnvironmentVariable[];
}

/**
 * The kubelet probes each second while the engine starts and asks for readiness as soon as the startup
 * probe has succeeded (pkg/kubelet/prober: manualTriggerCh), so a model serves at most a second after it
 * is loaded. Liveness gives a busy engine a minute.
 */
function probes({ healthPath }: Endpoint): Partial<Container> {
  const httpGet = { path: healthPath, port: enginePort };
  return {
    startupProbe: {
      httpGet,
      periodSeconds: 1,
      timeoutSeconds: 2,
      failureThreshold: startTimeoutSeconds,
    },
    readinessProbe: { httpGet, periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 },
    livenessProbe: { httpGet, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
  };
}
