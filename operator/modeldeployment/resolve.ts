import type { AcceleratorProfile } from '../../crds/acceleratorprofile.ts';
import type { Reason } from '../../crds/conditions.ts';
import { cpuProfile } from '../../crds/modeldeployment/accelerator.ts';
import type { ModelDeployment, ModelDeploymentSpec } from '../../crds/modeldeployment.ts';
import type { NameConflict } from '../../crds/names.ts';
import type { EngineImages, OperatorConfig } from '../config.ts';
import type { Engine } from '../engines/engine.ts';
import { engines } from '../engines/engines.ts';
import { type Claimant, conflictMessage } from '../names/rivals.ts';
import { weightsOf } from '../weights/schemes.ts';
import type { Resolved } from './pod.ts';
import { templateProblem } from './pod-template.ts';

/** The user must change something before anything can be done. */
export interface SpecProblem {
  reason: Extract<
    Reason,
    | 'NameConflict'
    | 'FlagRefused'
    | 'PodTemplateRefused'
    | 'ProfileNotFound'
    | 'AcceleratorRefused'
    | 'ImageMissing'
    | 'SourceRefused'
    | 'CacheNotFound'
  >;
  message: string;
}

/** What the spec refers to, as the caches have it, and what the operator's settings say. */
export interface References {
  conflict: NameConflict<Claimant> | undefined;
  profile: AcceleratorProfile | undefined;
  /** Whether the namespace has a PersistentVolumeClaim of that name. */
  hasClaim(name: string): boolean;
  settings: ResolveSettings;
}

/** The operator's settings that decide what a spec may refer to. */
export type ResolveSettings = Pick<
  OperatorConfig,
  'engineImages' | 'hostPaths' | 'loader' | 'imageVolumes' | 'cacheClasses'
>;

/** Finds all that a spec refers to, or says what is wrong with it. Pure. */
export function resolve(
  deployment: ModelDeployment,
  { conflict, profile, hasClaim, settings }: References,
): { resolved: Resolved } | { problem: SpecProblem } {
  const { engine: wanted, accelerator } = deployment.spec;
  const engine = engines[wanted.type];
  const problem =
    nameConflict(deployment, conflict) ??
    flagRefused(engine, deployment.spec) ??
    templateRefused(deployment.spec, settings) ??
    profileProblem(engine, accelerator, profile);
  if (problem) return { problem };
  const { engineImages } = settings;
  const byProfile: EngineImages | undefined = profile ? profile.spec.images : engineImages.cpu;
  const image = wanted.image || byProfile?.[wanted.type] || engineImages.accelerated[wanted.type];
  if (!image) {
    const message = `spec.engine.image: no default image is set for ${wanted.type}; name one here, in the AcceleratorProfile's images, or in the chart's engineImages`;
    return { problem: { reason: 'ImageMissing', message } };
  }
  const isHostPathAllowed = (path: string) => isBelow(path, settings.hostPaths);
  const weights = weightsOf(deployment.spec, engine, {
    loader: settings.loader,
    isHostPathAllowed,
    imageVolumes: settings.imageVolumes,
    cacheOf: (name) =>
      Object.hasOwn(settings.cacheClasses, name)
        ? { claim: `fairlead-${name}`, cacheClass: name }
        : { claim: name, cacheClass: undefined },
  });
  if (typeof weights === 'string') {
    return { problem: { reason: 'SourceRefused', message: weights } };
  }
  const lost = weights.loads?.find(
    ({ claim, cacheClass }) => cacheClass === undefined && !hasClaim(claim),
  );
  if (lost) {
    const message = `spec.source.cache: this namespace has no PersistentVolumeClaim "${lost.claim}", and the chart's weights.cacheClasses no class of that name; create one, or correct the name`;
    return { problem: { reason: 'CacheNotFound', message } };
  }
  return { resolved: { engine, image, weights, profile: profile?.spec } };
}

function nameConflict(
  deployment: ModelDeployment,
  conflict: NameConflict<Claimant> | undefined,
): SpecProblem | undefined {
  return conflict && { reason: 'NameConflict', message: conflictMessage(deployment, conflict) };
}

function flagRefused(engine: Engine, spec: ModelDeploymentSpec): SpecProblem | undefined {
  const refusal = engine.refusal(spec);
  if (!refusal) return undefined;
  const message = `${refusal.field}: ${refusal.what} is refused. ${refusal.remedy}`;
  return { reason: 'FlagRefused', message };
}

function templateRefused(
  { podTemplate }: ModelDeploymentSpec,
  { hostPaths }: ResolveSettings,
): SpecProblem | undefined {
  const message = podTemplate && templateProblem(podTemplate, (path) => isBelow(path, hostPaths));
  return message === undefined ? undefined : { reason: 'PodTemplateRefused', message };
}

/** Whether `path` is one of `folders` or in one of them; a path with `..` never is. */
function isBelow(path: string, folders: readonly string[]): boolean {
  if (path.split('/').includes('..')) return false;
  return folders.some((folder) => path === folder || path.startsWith(folder.replace(/\/?$/, '/')));
}

function profileProblem(
  engine: Engine,
  { profile: name, count }: ModelDeploymentSpec['accelerator'],
  profile: AcceleratorProfile | undefined,
): SpecProblem | undefined {
  if (name === cpuProfile) return undefined;
  if (profile === undefined) {
    const message = `spec.accelerator.profile: there is no AcceleratorProfile "${name}"; create it, or name one that "kubectl get acceleratorprofiles" lists, or cpu`;
    return { reason: 'ProfileNotFound', message };
  }
  // NVIDIA MIG user guide, "CUDA Device Enumeration": a process sees a single instance.
  if (engine.tensorParallel && count > 1 && profile.spec.resourceName?.startsWith(migResources)) {
    const message = `spec.accelerator.count: ${engine.type} cannot spread a model over ${count} of ${profile.spec.resourceName}, for a process sees a single MIG slice; ask for 1, and for a larger slice where the model needs it`;
    return { reason: 'AcceleratorRefused', message };
  }
  return undefined;
}

const migResources = 'nvidia.com/mig-';
