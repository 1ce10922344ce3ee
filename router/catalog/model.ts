import type { Feature } from '../../crds/modeldeployment/engine.ts';

/** A pod that can take requests now. */
export interface Replica {
  /** The pod's uid: a pod of the same name later is another replica. */
  readonly id: string;
  readonly pod: string;
  readonly namespace: string;
  readonly revision: string;
  /** The pod's IP; in brackets when it is IPv6. */
  readonly host: string;
  readonly port: number;
}

/** How many pods of a model are in which state; `desired` is the object's own number. */
export interface ReplicaCounts {
  readonly desired: number;
  readonly ready: number;
  readonly starting: number;
  readonly terminating: number;
}

/** A served model as this router sees it. */
export interface Model {
  readonly servedName: string;
  /** Of the ModelDeployment. */
  readonly namespace: string;
  readonly name: string;
  /** Seconds since 1970. */
  readonly createdS: number;
  readonly features: ReadonlySet<Feature>;
  /** Sorted by pod name. */
  readonly replicas: readonly Replica[];
  readonly counts: ReplicaCounts;
  /** Why it is not ready, in the operator's words; undefined: it is, or nobody said. */
  readonly notReadyMessage: string | undefined;
}

/** All that can be asked for, at one moment. Never changed; a new one takes its place. */
export interface Catalog {
  /** By each name that clients may send; one model can stand under several. */
  readonly byName: ReadonlyMap<string, Model>;
  /** Each model once, sorted by served name. */
  readonly models: readonly Model[];
}

export const emptyCatalog: Catalog = { byName: new Map(), models: [] };
