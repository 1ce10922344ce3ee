import type { Findings } from '../../crds/modeldeployment/capabilities.ts';
import type { Feature } from '../../crds/modeldeployment/features.ts';
import type { Routing } from './routing.ts';

/** What can take requests now: a pod, or an endpoint outside of Fairlead. */
export interface Replica {
  /** The pod's uid: a pod of the same name later is another replica. */
  readonly id: string;
  /** Empty for an external endpoint. */
  readonly pod: string;
  readonly namespace: string;
  readonly revision: string;
  /** The pod's IP, or the endpoint's host name; in brackets when it is IPv6. */
  readonly host: string;
  readonly port: number;
  /** Adapters that it serves, by their own names; absent: none. */
  readonly adapters?: ReadonlySet<string> | undefined;
  /** The same in the order of the numbers that its engine knows them by; absent: it knows them by their names. */
  readonly adapterIds?: readonly string[] | undefined;
  /** Where it tells what its prefix cache holds, on the same host; absent: it does not. */
  readonly kvEvents?: { readonly port: number; readonly replayPort: number } | undefined;
  /** Absent: a pod, asked by plain HTTP at the paths that clients use. */
  readonly external?: ExternalEndpoint | undefined;
}

/** How an endpoint outside of Fairlead is asked. */
export interface ExternalEndpoint {
  readonly tls: boolean;
  /** Stands in the place of `/v1`; does not end with a slash. */
  readonly basePath: string;
  /** Header pairs that every request to it carries: its key. Never for a log. */
  readonly headers: readonly string[];
  /** PEM of the only authorities that its certificate may be from; undefined: the usual ones. */
  readonly ca: string | undefined;
}

/** How many pods of a model are in which state; `desired` is the object's own number. */
export interface ReplicaCounts {
  readonly desired: number;
  readonly ready: number;
  readonly starting: number;
  readonly terminating: number;
}

/** How requests wait for a model while it has no ready replica. */
export interface HoldBounds {
  /** How long one may wait, in milliseconds. */
  readonly timeoutMs: number;
  /** How many may wait in this router. */
  readonly maxRequests: number;
  /** Fairlead itself makes replicas for those that wait; else somebody else has to. */
  readonly autoscaled: boolean;
}

/** A new revision of a model that gets a share of the requests. */
export interface Canary {
  readonly revision: string;
  /** Of a hundred requests. */
  readonly weight: number;
}

/** A served model as this router sees it. */
export interface Model {
  /** What it was made from. */
  readonly kind: 'ModelDeployment' | 'ExternalModel';
  readonly servedName: string;
  /** Further names that clients may send for it. */
  readonly aliases: readonly string[];
  /** Its LoRA adapters, each asked for as `<name of the model>:<adapter>`. */
  readonly adapters: readonly string[];
  /** The name that its replicas know it by. */
  readonly engineName: string;
  /** Of the object. */
  readonly namespace: string;
  readonly name: string;
  /** `namespace/name`, by which the demand stream tells models apart. */
  readonly key: string;
  /** Seconds since 1970. */
  readonly createdS: number;
  readonly features: ReadonlySet<Feature>;
  /** What was found to work; undefined: nobody has tried. */
  readonly capabilities?: Findings | undefined;
  /** Sorted by pod name. */
  readonly replicas: readonly Replica[];
  readonly counts: ReplicaCounts;
  readonly routing: Routing;
  /** What its replicas run, such as `vllm`; `external` for endpoints outside of Fairlead. */
  readonly runtime: string;
  /** Its engine tells the tokens of every stream by itself: llama.cpp ends each with its timings. */
  readonly tellsTokens: boolean;
  /** Its engine's metrics say how many tokens its key-value memory holds. */
  readonly tellsMemory: boolean;
  /** How many requests this router may have open at it at once; undefined: any number. */
  readonly maxInFlight: number | undefined;
  /** Requests that one replica works on at once. */
  readonly concurrency: number;
  /** Undefined: nobody waits for it, since nothing would start, or its object says so. */
  readonly hold: HoldBounds | undefined;
  /** Absent: all its replicas are asked alike. */
  readonly canary?: Canary | undefined;
  /** Why it is not ready, in the operator's words; undefined: it is, or nobody said. */
  readonly notReadyMessage: string | undefined;
}

/** A pod of a ModelDeployment, whatever its state. */
export interface ModelPod {
  /** Its uid, which is the id of its replica. */
  readonly id: string;
  readonly namespace: string;
  /** Name of its ModelDeployment. */
  readonly deployment: string;
  /** Whether it gets nothing new any more: it is marked as draining, deleted, or has ended. */
  readonly departing: boolean;
}

/** All that can be asked for, at one moment. Never changed; a new one takes its place. */
export interface Catalog {
  /** By each name that clients may send; one model can stand under several. */
  readonly byName: ReadonlyMap<string, Model>;
  /** Each model once, sorted by served name. */
  readonly models: readonly Model[];
  /** By `namespace/name` of the ModelDeployment that they belong to, whether it serves anything or not. */
  readonly pods: ReadonlyMap<string, readonly ModelPod[]>;
}

export const emptyCatalog: Catalog = { byName: new Map(), models: [], pods: new Map() };
