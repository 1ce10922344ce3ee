import { ociWeights } from './oci.ts';
import type { Weights } from './weights.ts';

/** One file a scheme. */
const schemes: Readonly<Record<string, (uri: URL) => Weights>> = {
  'oci:': ociWeights,
};

/**
 * The weights that `source.uri` names.
 * @returns undefined for a scheme that this version does not know; the CRD refuses those
 */
export function weightsOf(uri: string): Weights | undefined {
  if (!URL.canParse(uri)) return undefined;
  const parsed = new URL(uri);
  return schemes[parsed.protocol]?.(parsed);
}
