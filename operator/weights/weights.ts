import type { SourceSpec } from '../../crds/modeldeployment/source.ts';
import type { Pod } from '../../kube/resources.ts';
import type { Container } from '../engines/engine.ts';
import type { CacheLoad } from './cache.ts';
import type { LoaderSettings } from './download.ts';

/** What the engine wants: one GGUF file, or a folder in Hugging Face's layout. */
export type Form = 'file' | 'folder';

/** What a source of weights is read with. */
export interface WeightsInput {
  source: SourceSpec;
  /** `source.uri` as a URL. */
  uri: URL;
  form: Form;
  place: Place;
  loader: LoaderSettings;
  /** Names of the Secrets that the pod pulls images with. */
  pullSecrets?: readonly string[];
}

/** Where weights go in the pod. */
export interface Place {
  /** Name of the volume. */
  volume: string;
  /** The folder in the engine's container. */
  path: string;
  /** Name of the container that loads them. */
  loader: string;
}

/** What a source of weights puts into the pod. */
export interface Weights {
  volumes: NonNullable<Pod['spec']['volumes']>;
  /** Into the engine's container. */
  volumeMounts: NonNullable<Container['volumeMounts']>;
  /** What brings them onto the volume; absent where they are mounted as they are. */
  initContainers?: Container[];
  /** What must be in a cache before the pod is made. */
  loads?: CacheLoad[];
  /** Where the engine finds the model. */
  modelPath: string;
}

/** The place of the model itself. */
export const modelPlace: Place = { volume: 'model', path: '/models', loader: 'weights' };

/** The place of the adapter of that number and name. */
export function adapterPlace(index: number, name: string): Place {
  return {
    volume: `adapter-${index}`,
    path: `/adapters/${name}`,
    loader: `weights-adapter-${index}`,
  };
}

/** Whether a container of that name loads weights. */
export function isLoader(container: string): boolean {
  return container === modelPlace.loader || container.startsWith('weights-adapter-');
}

/**
 * A volume of weights that are there already, mounted read-only.
 * @param file path of the model below it; empty: all of it
 */
export function mounted(
  volume: Omit<Weights['volumes'][number], 'name'>,
  { volume: name, path: mountPath }: Place,
  file: string,
): Weights {
  return {
    volumes: [{ name, ...volume }],
    volumeMounts: [{ name, mountPath, readOnly: true }],
    modelPath: file === '' ? mountPath : `${mountPath}/${file}`,
  };
}

/** The last segment of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
