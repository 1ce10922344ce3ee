import type { AcceleratorProfile } from '../../crds/acceleratorprofile.ts';
import type { Reason } from '../../crds/conditions.ts';
import { cpuProfile } from '../../crds/modeldeployment/accelerator.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { NameConflict } from '../../crds/names.ts';
import { keyOf } from '../../kube/object.ts';
import type { EngineImages } from '../config.ts';
import { engines } from '../engines/engines.ts';
import { weightsOf } from '../weights/schemes.ts';
import type { Resolved } from './pod.ts';

/** The user must change something before anything can be done. */
export interface SpecProblem {
  reason: Extract<Reason, 'NameConflict' | 'ProfileNotFound' | 'FlagRefused' | 'ImageMissing'>;
  message: string;
}

/** What the spec refers to, as the caches have it. */
export interface References {
  conflict: NameConflict<ModelDeployment> | undefined;
  profile: AcceleratorProfile | undefined;
  engineImages: EngineImages;
}

/** Finds all that a spec refers to, or says what is wrong with it. Pure. */
export function resolve(
  deployment: ModelDeployment,
  { conflict, profile, engineImages }: References,
): { resolved: Resolved } | { problem: SpecProblem } {
  const { engine: wanted, accelerator, source } = deployment.spec;
  if (conflict) {
    const message = `the name "${conflict.servedName}" is served by the older ModelDeployment ${keyOf(conflict.owner)}; give spec.servedName another value, or delete that one`;
    return { problem: { reason: 'NameConflict', message } };
  }
  const engine = engines[wanted.type];
  const refusal = engine.refusal(deployment.spec);
  if (refusal) {
    const message = `${refusal.field}: ${refusal.what} is refused. ${refusal.remedy}`;
    return { problem: { reason: 'FlagRefused', message } };
  }
  if (accelerator.profile !== cpuProfile && profile === undefined) {
    const message = `spec.accelerator.profile: there is no AcceleratorProfile "${accelerator.profile}"; create it, or name one that "kubectl get acceleratorprofiles" lists, or cpu`;
    return { problem: { reason: 'ProfileNotFound', message } };
  }
  const image = wanted.image ?? engineImages[wanted.type];
  if (image === undefined) {
    const message = `spec.engine.image: no default image is set for ${wanted.type}; name one here or in the chart's values`;
    return { problem: { reason: 'ImageMissing', message } };
  }
  const weights = weightsOf(source.uri);
  // The CRD refuses what weights/ does not know; only a CRD newer than this operator gets here.
  if (weights === undefined) throw new Error(`spec.source.uri: ${source.uri} is not supported`);
  return { resolved: { engine, image, weights, profile: profile?.spec } };
}
