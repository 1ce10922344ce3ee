import type { Container, EnvironmentVariable } from '../engines/engine.ts';
import { baseName, type Weights, type WeightsInput } from './weights.ts';

/** What the loader needs beside the source. */
export interface LoaderSettings {
  /** Fairlead's own image, which has the loader in it. */
  image: string;
  /** Base URL of the hub that `hf://` means, where it is not huggingface.co. */
  hubEndpoint: string | undefined;
}

/**
 * For hf, https, s3 and gs: an init container loads onto a volume of the pod, which is kept while the pod
 * lives, so that a container that restarts goes on where it was. The Secret is referenced, never read.
 */
export function downloadedWeights({ source, uri, form, place, loader }: WeightsInput): Weights {
  const { volume: name, path } = place;
  const env: EnvironmentVariable[] = loader.hubEndpoint
    ? [{ name: 'FAIRLEAD_HUB_ENDPOINT', value: loader.hubEndpoint }]
    : [];
  const container: Container = {
    name: place.loader,
    image: loader.image,
    command: ['node', 'operator/weights/loader/main.ts'],
    args: [source.uri, form, path],
    env,
    ...(source.secretName && { envFrom: [{ secretRef: { name: source.secretName } }] }),
    volumeMounts: [{ name, mountPath: path }],
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
  };
  return {
    volumes: [{ name, emptyDir: {} }],
    volumeMounts: [{ name, mountPath: path, readOnly: true }],
    initContainers: [container],
    modelPath: form === 'file' ? `${path}/${baseName(uri.pathname)}` : path,
  };
}
