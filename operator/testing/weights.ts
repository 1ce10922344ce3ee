import { engines } from '../engines/engines.ts';
import { type ModelWeights, type SourceSettings, weightsOf } from '../weights/schemes.ts';
import type { modelDeployment } from './fixtures.ts';

export const sourceSettings: SourceSettings = {
  loader: { image: 'fairlead:1', hubEndpoint: undefined },
  isHostPathAllowed: () => true,
  imageVolumes: true,
  cacheOf: (claim) => ({ claim, cacheClass: undefined }),
};

/** The weights of a ModelDeployment whose source is sound. */
export function weightsFor(
  { spec }: ReturnType<typeof modelDeployment>,
  settings: SourceSettings = sourceSettings,
): ModelWeights {
  const weights = weightsOf(spec, engines[spec.engine.type], settings);
  if (typeof weights === 'string') throw new Error(weights);
  return weights;
}
