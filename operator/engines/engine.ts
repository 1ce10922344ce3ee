import type { EngineSpec, EngineType } from '../../crds/modeldeployment/engine.ts';
import type { ModelDeploymentSpec } from '../../crds/modeldeployment.ts';
import type { Pod } from '../../kube/resources.ts';

export type Container = Pod['spec']['containers'][number];
export type EnvironmentVariable = NonNullable<Container['env']>[number];
/** What the kubelet does before it ends a container. */
export type PreStop = NonNullable<NonNullable<Container['lifecycle']>['preStop']>;

/** What an engine's command line is made from. */
export interface EngineInput {
  spec: ModelDeploymentSpec;
  /** The name that the router asks by. */
  servedName: string;
  /** Where the weights are in the container: a file or a folder, see {@link Engine.reads}. */
  modelPath: string;
  /** Whether it has to be ready for LoRA adapters that come while it serves. */
  takesAdapters: boolean;
  /** Files of the LoRA adapters that it has from its start, in the order of their ids. */
  adapterPaths: readonly string[];
  /** How many accelerators a replica has; 0 on the CPU. */
  accelerators: number;
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

/** Where an engine answers. */
export interface Endpoint {
  /** TCP port that answers OpenAI-format requests and the health check. */
  port: number;
  /** Answers 200 when the model is loaded and requests are served, something else before. */
  healthPath: string;
  /** Other TCP ports that routers use, by their names. */
  furtherPorts?: Readonly<Record<string, number>>;
}

/** All that Fairlead knows of one engine. One file each; `engines.ts` lists them. */
export interface Engine {
  readonly type: EngineType;
  /** What it takes as a model: one GGUF file, a folder in Hugging Face's layout, or either. */
  readonly reads: 'file' | 'folder' | 'either';
  /** Paths that it must be able to write to; everything else is read-only. */
  readonly writablePaths: readonly string[];
  /** Whether its processes talk over /dev/shm, for which a container's default of 64 MiB is too little. */
  readonly usesSharedMemory: boolean;
  /** Whether it spreads a model over its accelerators in a way that needs each of them to itself. */
  readonly tensorParallel: boolean;
  /** LoRA adapters can come and go while it serves, by vLLM's calls. */
  readonly takesAdapters?: true;
  /** Gauges on its /metrics that count requests; undefined where it has none. */
  readonly metrics: { readonly running: string; readonly waiting: string } | undefined;
  /**
   * Which share of the accelerators' memory it uses for weights and cache; undefined when the user's arguments
   * change the sizes. Absent for engines that can keep part of a model elsewhere.
   */
  memoryShare?(spec: ModelDeploymentSpec): number | undefined;
  endpoint(engine: EngineSpec): Endpoint;
  /** The first thing in `spec.engine` that would contradict what Fairlead sets. */
  refusal(spec: ModelDeploymentSpec): Refusal | undefined;
  /** What is run instead of the image's entry point; absent where that is the engine itself. */
  command?(input: EngineInput): string[] | undefined;
  /** The arguments that Fairlead sets; the user's come after them. */
  args(input: EngineInput): string[];
  /** Further arguments on the hosts of a replica that serve no requests. */
  readonly workerArgs?: readonly string[];
  /** Variables that Fairlead sets; the user's come after them. */
  env(input: EngineInput): EnvironmentVariable[];
  /**
   * Run before the container gets SIGTERM: ends when no request is running or waiting, or after a fixed
   * time where the engine does not tell. The kubelet ends it at the pod's grace period.
   */
  preStop(): PreStop;
}
