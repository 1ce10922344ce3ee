import type { EngineType } from '../../crds/modeldeployment/engine.ts';
import type { ModelDeploymentSpec } from '../../crds/modeldeployment.ts';
import type { Pod } from '../../kube/resources.ts';

export type Container = Pod['spec']['containers'][number];
export type EnvironmentVariable = NonNullable<Container['env']>[number];

/** What an engine's command line is made from. */
export interface EngineInput {
  spec: ModelDeploymentSpec;
  /** The names clients send; the first is the main one. */
  servedNames: readonly string[];
  /** Where the weights are in the container. */
  modelPath: string;
}

/** Something in `spec.engine` that Fairlead sets itself. */
export interface Refusal {
  /** Such as `spec.engine.args`. */
  field: string;
  /** The flag or variable as the user wrote it. */
  what: string;
  /** What to use instead, as a sentence. */
  remedy: string;
}

/** All that Fairlead knows of one engine. One file each; `engines.ts` lists them. */
export interface Engine {
  readonly type: EngineType;
  /** TCP port that answers OpenAI-format requests and the health check. */
  readonly port: number;
  /** Answers 200 when the model is loaded and requests are served, something else before. */
  readonly healthPath: string;
  /** Paths that it must be able to write to; everything else is read-only. */
  readonly writablePaths: readonly string[];
  /** Requests that one replica works on at once when the user does not say. */
  readonly defaultConcurrency: number;
  /** Gauges on its /metrics that count requests. */
  readonly metrics: { readonly running: string; readonly waiting: string };
  /** The first thing in `spec.engine` that would contradict what Fairlead sets. */
  refusal(spec: ModelDeploymentSpec): Refusal | undefined;
  /** The arguments that Fairlead sets; the user's come after them. */
  args(input: EngineInput): string[];
  /** Variables that Fairlead sets; the user's come after them. */
  env(input: EngineInput): EnvironmentVariable[];
  /**
   * Run in the container before it gets SIGTERM: ends when no request is running or waiting. The kubelet
   * ends it at the pod's grace period.
   */
  drainCommand(): string[];
}
