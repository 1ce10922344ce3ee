import type { SourceSpec } from '../../crds/modeldeployment/source.ts';
import type { Pod } from '../../kube/resources.ts';
import type { Container } from '../engines/engine.ts';
import type { LoaderSettings } from './download.ts';

/** What the engine wants: one GGUF file, or a folder in Hugging Face's layout. */
export type Form = 'file' | 'folder';

/** What a source of weights is read with. */
export interface WeightsInput {
  source: SourceSpec;
  /** `source.uri` as a URL. */
  uri: URL;
  form: Form;
  loader: LoaderSettings;
}

/** What a source of weights puts into the pod. */
export interface Weights {
  volumes: NonNullable<Pod['spec']['volumes']>;
  /** Into the engine's container. */
  volumeMounts: NonNullable<Container['volumeMounts']>;
  /** What brings them onto the volume; absent where they are mounted as they are. */
  initContainers?: Container[];
  /** Where the engine finds the model. */
  modelPath: string;
}

/** The folder of the weights in the engine's container. */
export const weightsPath = '/models';

/** The volume of the weights, mounted read-only. */
export function mounted(
  volume: Omit<Weights['volumes'][number], 'name'>,
  path: string,
  subPath?: string,
): Weights {
  return {
    volumes: [{ name: 'model', ...volume }],
    volumeMounts: [
      { name: 'model', mountPath: weightsPath, readOnly: true, ...(subPath && { subPath }) },
    ],
    modelPath: path === '' ? weightsPath : `${weightsPath}/${path}`,
  };
}

/** The last segment of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
