import type { Weights } from './weights.ts';

const mountPath = '/models';
const defaultFile = 'model.gguf';

/**
 * `oci://registry/repository[:tag][@digest][?file=path]`: the image is mounted read-only as an image
 * volume (KEP-4639), so the node caches it like any other image and nothing is copied.
 */
export function ociWeights(uri: URL): Weights {
  const file = uri.searchParams.get('file') ?? defaultFile;
  const reference = `${uri.host}${uri.pathname}`;
  return {
    // Without the pullPolicy an image without tag would be pulled at every start.
    volumes: [{ name: 'model', image: { reference, pullPolicy: 'IfNotPresent' } }],
    volumeMounts: [{ name: 'model', mountPath, readOnly: true }],
    modelPath: `${mountPath}/${file}`,
  };
}
