import { keyOf } from '../../kube/object.ts';
import { podOrigin } from '../../kube/pod-origin.ts';
import { isReady } from '../../kube/readiness.ts';
import type { Reflector } from '../../kube/reflector.ts';
import type { Pod } from '../../kube/resources.ts';
import { type DemandMessage, modelKey, type RevisionDemand } from '../../protocol/demand.ts';
import { DemandFollowers } from '../../protocol/followers.ts';
import type { Demand } from '../modeldeployment/plan.ts';

/** Name of the port of a router's pod that serves the demand stream. */
const internalPort = 'metrics';

/** The requests for one model, over all routers. */
export interface ModelLoad {
  inFlight: number;
  /** Requests that wait for a replica. */
  held: number;
  /** Whether every router that serves was heard; where not, there may be more. */
  isComplete: boolean;
}

/** What is told of the routers as it happens. */
export interface DemandListener {
  /** A router's part in this draining pod may be over. */
  onDraining?(uid: string): void;
  /** The requests for this model, `namespace/name`, have changed, or some came and went. */
  onModel?(key: string): void;
  /** How revisions have answered through a router, since it began to count. */
  onRevisions?(router: string, revisions: readonly RevisionDemand[]): void;
  /** A router came or went: the load of any model may be another one, or known again. */
  onRouters?(): void;
}

export interface RouterDemandOptions {
  /** The routers' pods. */
  routers: Pick<Reflector<Pod>, 'addHandler' | 'store'>;
  /** Monotonic milliseconds. */
  nowMs: () => number;
}

/** What all routers say together, by following each of them. */
export interface RouterDemand extends Demand {
  /** @param key `namespace/name` of a ModelDeployment */
  loadOf(key: string): ModelLoad;
  /** @returns ends it */
  listen(listener: DemandListener): () => void;
  /** Ends every stream. */
  stop(): Promise<void>;
}

/**
 * Follows the demand stream of every router that has a pod. One that is silent for longer than its lease,
 * dead or hung, is not waited for. Where there is no router at all every pod counts as drained: then only its
 * own preStop hook waits for its requests.
 */
export function followRouters({ routers, nowMs }: RouterDemandOptions): RouterDemand {
  const listeners = new Set<DemandListener>();
  /** Those that have said something since they were last lost. */
  const heard = new Set<string>();
  const toldOfRouters = () => {
    for (const { onRouters } of listeners) onRouters?.();
  };
  const followers = new DemandFollowers(
    {
      onMessages(key, messages) {
        for (const message of messages) tell(key, message, listeners);
        // What a stream begins with may differ from what its router said before in any part.
        const isNew = !heard.has(key) || messages.some(({ full }) => full);
        heard.add(key);
        if (isNew) toldOfRouters();
      },
      onLost(key) {
        heard.delete(key);
        toldOfRouters();
      },
    },
    nowMs,
  );
  const removeHandler = routers.addHandler((before, after) => {
    const pod = after ?? before;
    if (!pod) return;
    const now = routers.store.get(keyOf(pod));
    followers.set(keyOf(pod), now && podOrigin(now, internalPort));
    if (serves(before) !== serves(after)) toldOfRouters();
  });

  /** Where no router is known to serve, nobody can say what is asked for. */
  function isComplete(): boolean {
    const live = new Set(followers.live().flatMap(({ key, state }) => (state ? key : [])));
    return (
      live.size > 0 && routers.store.list().every((pod) => !serves(pod) || live.has(keyOf(pod)))
    );
  }

  return {
    inFlight: (uid) =>
      followers.live().reduce((sum, { state }) => sum + (state?.pods.get(uid)?.inFlight ?? 0), 0),
    isDrained: (uid) =>
      followers.live().every(({ state }) => {
        const said = state?.pods.get(uid);
        return said?.draining === true && said.inFlight === 0;
      }),
    loadOf(key) {
      const load = { inFlight: 0, held: 0, isComplete: isComplete() };
      for (const { state } of followers.live()) {
        const said = state?.models.get(key);
        load.inFlight += said?.inFlight ?? 0;
        load.held += said?.held ?? 0;
      }
      return load;
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      removeHandler();
      await followers.stop();
    },
  };
}

/** Of the models in a full message nobody knows whether anything has changed. */
function tell(
  router: string,
  { full, models, pods, revisions }: DemandMessage,
  listeners: ReadonlySet<DemandListener>,
): void {
  for (const { onDraining, onModel, onRevisions } of listeners) {
    if (revisions.length > 0) onRevisions?.(router, revisions);
    for (const { uid, draining, inFlight } of pods)
      if (draining && inFlight === 0) onDraining?.(uid);
    if (full) continue;
    for (const model of models) onModel?.(modelKey(model));
  }
}

/** Whether clients may reach a router there. */
function serves(pod: Pod | undefined): boolean {
  return pod !== undefined && isReady(pod) && pod.metadata.deletionTimestamp === undefined;
}
