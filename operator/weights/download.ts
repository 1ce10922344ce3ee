import type { Container, EnvironmentVariable } from '../engines/engine.ts';
import { baseName, type Weights, type WeightsInput, weightsPath } from './weights.ts';

/** What the loader needs beside the source. */
export interface LoaderSettings {
  /** Fairlead's own image, which has the loader in it. */
  image: string;
  /** Base URL of the hub that `hf://` means, where it is not huggingface.co. */
  hubEndpoint: string | undefined;
}

/** Name of the container that loads the weights. */
export const loaderContainer = 'weights';

/**
 * For hf, https, s3 and gs: an init container loads onto a volume of the pod, which is kept while the pod
 * lives, so that a container that restarts goes on where it was. The Secret is referenced, never read.
 */
export function downloadedWeights({ source, uri, form, loader }: WeightsInput): Weights {
  const env: EnvironmentVariable[] = loader.hubEndpoint
    ? [{ name: 'FAIRLEAD_HUB_ENDPOINT', value: loader.hubEndpoint }]
    : [];
  const container: Container = {
    name: loaderContainer,
    image: loader.image,
    command: ['node', 'operator/weights/loader/main.ts'],
    args: [source.uri, form, weightsPath],
    env,
    ...(source.secretName && { envFrom: [{ secretRef: { name: source.secretName } }] }),
    volumeMounts: [{ name: 'model', mountPath: weightsPath }],
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
  };
  return {
    volumes: [{ name: 'model', emptyDir: {} }],
    volumeMounts: [{ name: 'model', mountPath: weightsPath, readOnly: true }],
    initContainers: [container],
    modelPath: form === 'file' ? `${weightsPath}/${baseName(uri.pathname)}` : weightsPath,
  };
}
