import { engines } from '../engines/engines.ts';
import { type SourceSettings, weightsOf } from '../weights/schemes.ts';
import type { Weights } from '../weights/weights.ts';
import type { modelDeployment } from './fixtures.ts';

export const sourceSettings: SourceSettings = {
  loader: { image: 'fairlead:1', hubEndpoint: undefined },
  isHostPathAllowed: () => true,
};

/** The weights of a ModelDeployment whose source is sound. */
export function weightsFor(
  { spec }: ReturnType<typeof modelDeployment>,
  settings: SourceSettings = sourceSettings,
): Weights {
  const weights = weightsOf(spec.source, engines[spec.engine.type], settings);
  if (typeof weights === 'string') throw new Error(weights);
  return weights;
}
