import { mounted, type Weights, type WeightsInput } from './weights.ts';

/**
 * `oci://registry/repository[:tag][@digest][?file=path]`: the image is mounted read-only as an image
 * volume (KEP-4639), so the node caches it like any other image and nothing is copied.
 */
export function ociWeights({ uri, form, place }: WeightsInput): Weights {
  const reference = `${uri.host}${uri.pathname}`;
  const path = uri.searchParams.get('file') ?? (form === 'file' ? 'model.gguf' : '');
  // Without the pullPolicy an image without tag would be pulled at every start.
  return mounted({ image: { reference, pullPolicy: 'IfNotPresent' } }, place, path);
}
