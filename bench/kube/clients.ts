import type { Access, Contender } from './workers.ts';

/** The three calls that are measured, on ConfigMaps. */
export interface Calls {
  get(namespace: string, name: string): Promise<unknown>;
  list(namespace: string): Promise<unknown>;
  patch(namespace: string, name: string, data: Record<string, string>): Promise<unknown>;
}

/** A mirror of the ConfigMaps of a namespace. */
export interface Mirror {
  /** Resolves when it holds the first list. */
  start(): Promise<void>;
  /** Makes it list again, as after a 410, and resolves with how long that took in milliseconds. */
  relist(): Promise<number>;
  onUpdate(handler: (data: Record<string, string>) => void): void;
  size(): number;
}

/** One side. */
export interface Side {
  callsOf(access: Access): Calls;
  mirrorOf(access: Access, namespace: string): Mirror;
}

/** Loads one side alone, so that its process does not pay for the other's packages. */
export function loadSide(contender: Contender): Promise<Side> {
  return contender === 'fairlead' ? import('./side-fairlead.ts') : import('./side-client-node.ts');
}
