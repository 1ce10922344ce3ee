import type { AcceleratorProfileSpec } from '../../crds/acceleratorprofile.ts';
import type { ModelDeploymentSpec } from '../../crds/modeldeployment.ts';
import type { Container, Engine } from '../engines/engine.ts';
import type { LoaderSettings } from './download.ts';
import { modelPlace, type Weights } from './weights.ts';

/** What the weights must fit into, with the cache of one request; the loader is told it as JSON. */
export interface Fit {
  availableBytes: number;
  /** The same for people. */
  shown: string;
  /** Tokens that one request may use; absent: as many as the model can. */
  contextLength?: number;
}

/** The variable that holds a {@link Fit}. */
export const fitVariable = 'FAIRLEAD_FIT';

/**
 * What a replica has for weights and cache.
 * @returns undefined when nothing is known: no accelerator, no memoryGiB, or an engine that can do with less
 */
export function fitOf(
  engine: Engine,
  spec: ModelDeploymentSpec,
  profile: AcceleratorProfileSpec | undefined,
): Fit | undefined {
  const share = engine.memoryShare?.(spec);
  if (share === undefined || profile?.memoryGiB === undefined) return undefined;
  const count = spec.accelerator.count * spec.nodes;
  const { contextLength } = spec.engine;
  return {
    availableBytes: profile.memoryGiB * count * share * 2 ** 30,
    shown: `${Math.round(share * 100)} % of ${count} × ${profile.memoryGiB} GiB`,
    ...(contextLength && { contextLength }),
  };
}

/** Judges weights that are mounted before an engine is started on them; it is to be given the {@link Fit}. */
export function fitContainer({
  volumeMounts,
  modelPath,
  loader,
}: Pick<Weights, 'volumeMounts' | 'modelPath'> & { loader: LoaderSettings }): Container {
  return {
    name: modelPlace.loader,
    image: loader.image,
    command: ['node', 'operator/weights/loader/fit-main.ts'],
    args: [modelPath],
    volumeMounts: volumeMounts.filter(({ name }) => name === modelPlace.volume),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
  };
}
