import { Agent } from 'undici';
import { keyOf } from '../../kube/object.ts';
import type { Reflector } from '../../kube/reflector.ts';
import type { Pod } from '../../kube/resources.ts';
import { type DemandReader, leaseMs } from '../../protocol/demand.ts';
import type { Demand } from '../modeldeployment/plan.ts';
import { follow } from './follow.ts';

/** Name of the port of a router's pod that serves the demand stream. */
const internalPort = 'metrics';

/** A router whose stream is followed. */
interface Followed {
  origin: string;
  stop: AbortController;
  /** What it said last; undefined before its first word. */
  reader: DemandReader | undefined;
  /** When it said something, or was seen first. */
  heardAtMs: number;
}

export interface RouterDemandOptions {
  /** The routers' pods. */
  routers: Pick<Reflector<Pod>, 'addHandler' | 'store'>;
  /** Told of a draining pod, by its uid, whenever a router's part in it may be over. */
  onDraining: (uid: string) => void;
  /** Monotonic milliseconds. */
  nowMs: () => number;
}

/** What all routers say together, by following each of them. */
export interface RouterDemand extends Demand {
  /** Ends every stream. */
  stop(): Promise<void>;
}

/**
 * Follows the demand stream of every router that has a pod. One that is silent for longer than its lease,
 * dead or hung, is not waited for. Where there is no router at all every pod counts as drained: then only its
 * own preStop hook waits for its requests.
 */
export function followRouters(options: RouterDemandOptions): RouterDemand {
  const { routers, onDraining, nowMs } = options;
  const followed = new Map<string, Followed>();
  const dispatcher = new Agent({ pipelining: 1 });

  function update(key: string): void {
    const pod = routers.store.get(key);
    const origin = pod && originOf(pod);
    const known = followed.get(key);
    if (known?.origin === origin) return;
    known?.stop.abort();
    followed.delete(key);
    if (origin !== undefined) followed.set(key, start(origin));
  }

  function start(origin: string): Followed {
    const stop = new AbortController();
    const router: Followed = { origin, stop, reader: undefined, heardAtMs: nowMs() };
    const handler = {
      onConnect(reader: DemandReader) {
        router.reader = reader;
      },
      onMessage({ pods }: { pods: { uid: string; draining: boolean; inFlight: number }[] }) {
        router.heardAtMs = nowMs();
        for (const { uid, draining, inFlight } of pods)
          if (draining && inFlight === 0) onDraining(uid);
      },
    };
    void follow(origin, handler, stop.signal, dispatcher);
    return router;
  }

  const alive = () =>
    [...followed.values()].filter(({ heardAtMs }) => nowMs() - heardAtMs < leaseMs);
  const removeHandler = routers.addHandler((before, after) => {
    const pod = after ?? before;
    if (pod) update(keyOf(pod));
  });
  return {
    inFlight: (uid) =>
      alive().reduce((sum, { reader }) => sum + (reader?.pods.get(uid)?.inFlight ?? 0), 0),
    isDrained: (uid) =>
      alive().every(({ reader }) => {
        const said = reader?.pods.get(uid);
        return said?.draining === true && said.inFlight === 0;
      }),
    async stop() {
      removeHandler();
      for (const { stop } of followed.values()) stop.abort();
      followed.clear();
      await dispatcher.destroy();
    },
  };
}

/** Where a router's pod serves its stream; undefined when it does not run, or not any more. */
function originOf({ spec, status }: Pod): string | undefined {
  const { podIP, phase } = status ?? {};
  const port = spec.containers
    .flatMap(({ ports = [] }) => ports)
    .find(({ name }) => name === internalPort)?.containerPort;
  if (!podIP || port === undefined || phase !== 'Running') return undefined;
  return `http://${podIP.includes(':') ? `[${podIP}]` : podIP}:${port}`;
}
