import type { Pod } from '../../kube/resources.ts';
import type { Container } from '../engines/engine.ts';

/** What a source of weights puts into the pod. */
export interface Weights {
  volumes: NonNullable<Pod['spec']['volumes']>;
  /** Into the engine's container. */
  volumeMounts: NonNullable<Container['volumeMounts']>;
  /** Where the engine finds the model. */
  modelPath: string;
}
