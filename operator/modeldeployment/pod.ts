import type { AcceleratorProfileSpec } from '../../crds/acceleratorprofile.ts';
import { durationMs } from '../../crds/duration.ts';
import { adapterIdsAnnotation, engineContainer, enginePort } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { servedNameOf } from '../../crds/names.ts';
import type { Pod } from '../../kube/resources.ts';
import { type AdapterParts, adapterParts } from '../adapters/sidecar.ts';
import type {
  Container,
  Endpoint,
  Engine,
  EnvironmentVariable,
  PreStop,
} from '../engines/engine.ts';
import { workerTemplate } from '../groups/group.ts';
import { fitContainer, fitOf, fitVariable } from '../weights/fit.ts';
import type { ModelWeights } from '../weights/schemes.ts';
import { modelPlace } from '../weights/weights.ts';
import { type Devices, devicesOf, resources } from './devices.ts';
import { mountPathsOf, withTemplate } from './pod-template.ts';
import type { PodTemplate } from './replica-pod.ts';

/** All that a spec refers to, found. */
export interface Resolved {
  engine: Engine;
  image: string;
  weights: ModelWeights;
  /** Undefined for the built-in profile `cpu`. */
  profile: AcceleratorProfileSpec | undefined;
}

/** Debian's and distroless' "nonroot"; set because many engine images are made to run as root. */
const userId = 65532;

/**
 * What all pods of the present spec have in common: what Fairlead makes of the spec, with the user's
 * podTemplate merged into it. Restricted Pod Security; the root file system is read-only.
 */
export function renderTemplate(deployment: ModelDeployment, resolved: Resolved): PodTemplate {
  const { spec } = deployment;
  const { weights, profile } = resolved;
  const scratch = scratchVolumes(deployment, resolved);
  const { resourceClaims, container: devices } = devicesOf(deployment, profile);
  const adapters = adaptersOf(deployment, resolved);
  const initContainers = [
    ...loaders(deployment, resolved),
    ...(adapters ? [adapters.sidecar] : []),
  ];
  const template: PodTemplate = {
    metadata: adapterIds(resolved),
    spec: {
      ...(initContainers.length > 0 && { initContainers }),
      containers: [engineContainerOf(deployment, resolved, scratch, devices, adapters)],
      volumes: [
        ...weights.volumes,
        ...(adapters?.volumes ?? []),
        ...scratch.map(({ volume }) => volume),
      ],
      ...(resourceClaims && { resourceClaims }),
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: seconds(spec.rollout.drainTimeout),
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
  const merged = spec.podTemplate ? withTemplate(template, spec.podTemplate) : template;
  if (spec.nodes === 1) return merged;
  return { ...merged, worker: workerTemplate(merged, resolved.engine, spec.nodes) };
}

/**
 * They run before the engine, so they may use what it asks for, and a quota that wants limits has them. The
 * accelerators stay with the engine. Where something is known that the weights must fit into, weights that are
 * mounted are judged too.
 */
function loaders(deployment: ModelDeployment, resolved: Resolved): Container[] {
  const { engine, weights, profile } = resolved;
  const asked = resources(deployment, profile, {});
  const fit = fitOf(engine, deployment.spec, profile);
  const judged = fit ? [{ name: fitVariable, value: JSON.stringify(fit) }] : [];
  const loading = weights.initContainers ?? [];
  const isMounted = !loading.some(({ name }) => name === modelPlace.loader);
  return [...loading, ...(fit && isMounted ? [fitContainer(weights)] : [])].map((container) => ({
    ...container,
    env: [...(container.env ?? []), ...(container.name === modelPlace.loader ? judged : [])],
    resources: asked,
  }));
}

function adaptersOf({ spec }: ModelDeployment, { engine, weights }: Resolved) {
  if (!engine.takesAdapters) return undefined;
  return adapterParts(spec, weights.loader, engine.endpoint(spec.engine).port);
}

/** Routers ask an engine that has its adapters from its start by their numbers. */
function adapterIds({ engine, weights: { adapters } }: Resolved): PodTemplate['metadata'] {
  if (engine.takesAdapters || adapters.length === 0) return {};
  const names = JSON.stringify(adapters.map(({ name }) => name));
  return { annotations: { [adapterIdsAnnotation]: names } };
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
  adapters: AdapterParts | undefined,
): Container {
  const { spec } = deployment;
  const servedName = servedNameOf(deployment);
  const input = {
    spec,
    servedName,
    modelPath: weights.modelPath,
    takesAdapters: adapters !== undefined,
    adapterPaths: weights.adapters.flatMap(({ path }) => path ?? []),
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
    ports: Object.entries({ [enginePort]: endpoint.port, ...endpoint.furtherPorts }).map(
      ([name, containerPort]) => ({ name, containerPort, protocol: 'TCP' }),
    ),
    resources: resources(deployment, profile, devices),
    ...probes(endpoint, seconds(spec.rollout.startTimeout)),
    lifecycle: { preStop: within(engine.preStop(), seconds(spec.rollout.drainTimeout)) },
    // The engine's last words, which the status quotes.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      ...weights.volumeMounts,
      ...(adapters?.volumeMounts ?? []),
      ...scratch.map(({ volume: { name }, mountPath }) => ({ name, mountPath })),
    ],
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
  };
}

/** The API server refuses a pause that is longer than the pod's grace period. */
function within({ sleep, ...other }: PreStop, graceSeconds: number): PreStop {
  return sleep ? { sleep: { seconds: Math.min(sleep.seconds, graceSeconds) } } : other;
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
function probes({ healthPath }: Endpoint, startTimeoutSeconds: number): Partial<Container> {
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

/** Whole seconds, at least one, of a duration of the API. */
function seconds(duration: string): number {
  return Math.max(1, Math.ceil(durationMs(duration) / 1000));
}
