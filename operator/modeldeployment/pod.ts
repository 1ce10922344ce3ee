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
import { servedNamesOf } from '../../crds/names.ts';
import { controllerReference, type Intent } from '../../kube/object.ts';
import type { Pod } from '../../kube/resources.ts';
import type { Container, Engine, EnvironmentVariable } from '../engines/engine.ts';
import type { Weights } from '../weights/weights.ts';

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

/** The pod of one replica. Restricted Pod Security; the root file system is read-only. */
export function renderPod(
  deployment: ModelDeployment,
  { engine, image, weights, profile }: Resolved,
  identity: PodIdentity,
): Intent<Pod> {
  const { metadata, spec } = deployment;
  const { revision, slot, attempt } = identity;
  const writable = engine.writablePaths.map((mountPath, index) => ({
    name: `writable-${index}`,
    mountPath,
  }));
  const input = {
    spec,
    servedNames: servedNamesOf(deployment),
    modelPath: weights.modelPath,
  };
  const container: Container = {
    name: engineContainer,
    image,
    args: [...engine.args(input), ...(spec.engine.args ?? [])],
    env: environment(engine.env(input), spec.engine.env ?? []),
    ports: [{ name: enginePort, containerPort: engine.port, protocol: 'TCP' }],
    resources: resources(deployment, profile),
    ...probes(engine),
    lifecycle: { preStop: { exec: { command: engine.drainCommand() } } },
    // The engine's last words, which the status quotes.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [...weights.volumeMounts, ...writable],
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
  };
  return {
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
      containers: [container],
      volumes: [...weights.volumes, ...writable.map(({ name }) => ({ name, emptyDir: {} }))],
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
}

function placement(profile: AcceleratorProfileSpec | undefined): Partial<Pod['spec']> {
  const { nodeSelector, tolerations, runtimeClassName } = profile ?? {};
  return {
    ...(nodeSelector && { nodeSelector }),
    ...(tolerations && { tolerations: tolerations as NonNullable<Pod['spec']['tolerations']> }),
    ...(runtimeClassName && { runtimeClassName }),
  };
}

/** The user's variables win over Fairlead's of the same name. */
function environment(
  preset: EnvironmentVariable[],
  own: NonNullable<ModelDeployment['spec']['engine']['env']>,
): EnvironmentVariable[] {
  const others = preset.filter(({ name }) => own.every((one) => one.name !== name));
  return [...others, ...(own as EnvironmentVariable[])];
}

/** An extended resource's request always equals its limit, so the limit alone is given. */
function resources(
  { spec }: ModelDeployment,
  profile: AcceleratorProfileSpec | undefined,
): NonNullable<Container['resources']> {
  const text = (quantities: Record<string, string | number> | undefined) =>
    Object.fromEntries(Object.entries(quantities ?? {}).map(([name, of]) => [name, String(of)]));
  const requests = text(spec.resources?.requests);
  const limits = {
    ...text(spec.resources?.limits),
    ...(profile && { [profile.resourceName]: String(spec.accelerator.count) }),
  };
  return {
    ...(Object.keys(requests).length > 0 && { requests }),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}

/**
 * The kubelet probes each second while the engine starts and asks for readiness as soon as the startup
 * probe has succeeded (pkg/kubelet/prober: manualTriggerCh), so a model serves at most a second after it
 * is loaded. Liveness gives a busy engine a minute.
 */
function probes({ healthPath }: Engine): Partial<Container> {
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
