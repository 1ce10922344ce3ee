import { downloadedWeights } from './download.ts';
import { pullSecretsVariable } from './loader/oci.ts';
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

const secretsFolder = '/pull-secrets';

/** The same where nodes cannot mount images: the loader pulls and unpacks it, with the pod's pull secrets. */
export function pulledWeights(input: WeightsInput): Weights {
  const { uri, form, place, pullSecrets = [] } = input;
  const weights = downloadedWeights(input);
  const path = uri.searchParams.get('file') ?? (form === 'file' ? 'model.gguf' : '');
  const secrets = pullSecrets.map((secretName, index) => ({
    name: `pull-secret-${index}`,
    secretName,
  }));
  return {
    ...weights,
    volumes: [
      ...weights.volumes,
      ...secrets.map(({ name, secretName }) => ({
        name: `${place.volume}-${name}`,
        secret: { secretName },
      })),
    ],
    initContainers: (weights.initContainers ?? []).map((container) => ({
      ...container,
      ...(secrets.length > 0 && {
        env: [...(container.env ?? []), { name: pullSecretsVariable, value: secretsFolder }],
      }),
      volumeMounts: [
        ...(container.volumeMounts ?? []),
        ...secrets.map(({ name }) => ({
          name: `${place.volume}-${name}`,
          mountPath: `${secretsFolder}/${name}`,
          readOnly: true,
        })),
      ],
    })),
    modelPath: path === '' ? place.path : `${place.path}/${path}`,
  };
}
