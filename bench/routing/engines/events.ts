import { setTimeout as delay } from 'node:timers/promises';
import { drainingAnnotation } from '../../../crds/labels.ts';
import type { TestRouter } from '../../../router/testing/test-router.ts';
import type { FleetReplica } from './fleet.ts';
import type { KubernetesService } from './service.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/** What happens to replicas while requests go on; each is told by the replica's number. */
export interface Replicas {
  /** It is ready. */
  comes(at: number): void;
  /** It is to go: it finishes what it has. */
  leaves(at: number): void;
  /** It fails without a word. */
  breaks(at: number): void;
  /** It works again. */
  mends(at: number): void;
}

/** After which share of the requests what happens: scale-up, drain, successor, failure, repair. */
const course: readonly (readonly [number, (replicas: Replicas, last: number) => void])[] = [
  [0.2, (replicas, last) => replicas.comes(last)],
  [0.4, (replicas) => replicas.leaves(0)],
  [0.55, (replicas) => replicas.comes(0)],
  [0.7, (replicas) => replicas.breaks(1)],
  [0.9, (replicas) => replicas.mends(1)],
];

/** The whole course, to be told how many of all requests are done. The last replica is not there at first. */
export function courseOf(
  replicas: Replicas,
  size: number,
  requests: number,
): (done: number) => void {
  const left = [...course];
  return (done) => {
    while (left[0] && done >= left[0][0] * requests) left.shift()?.[1](replicas, size - 1);
  };
}

/** Replicas as the router knows them: pods of a model. A failure is for the router to find out. */
export function podsOf(
  router: TestRouter,
  model: string,
  addresses: readonly TcpProxy[],
  kvEvents: readonly FleetReplica['kvEvents'][] = [],
): Replicas {
  const generations = new Map<number, number>();
  const nameOf = (at: number) => `${model}-${at}-${generations.get(at) ?? 0}`;
  const put = (at: number, annotations: Record<string, string> = {}) =>
    router.putPod(model, nameOf(at), addresses[at]?.port ?? 0, {
      annotations,
      ...(kvEvents[at] && { kvEvents: kvEvents[at] }),
    });
  return {
    comes(at) {
      generations.set(at, (generations.get(at) ?? 0) + 1);
      put(at);
    },
    leaves: (at) => put(at, { [drainingAnnotation]: '2026-11-21T00:00:00Z' }),
    breaks: (at) => addresses[at]?.break(),
    mends: (at) => addresses[at]?.mend(),
  };
}

/** How long it takes until a Service has lost a replica whose container ended. */
const noticedMs = 1_000;

/** Replicas as a Service knows them: its endpoints. It loses one that fails when its kubelet has noticed. */
export function endpointsOf(
  service: Pick<KubernetesService, 'show'>,
  addresses: readonly TcpProxy[],
): Replicas {
  const ready = new Set<number>();
  const broken = new Set<number>();
  const ports = addresses.map(({ port }) => port);
  const show = () => service.show(new Set(ports.filter((_, at) => ready.has(at))), ports);
  const comes = (at: number) => {
    addresses[at]?.comeBack();
    ready.add(at);
    show();
  };
  const isLost = (at: number) => {
    ready.delete(at);
    show();
  };
  return {
    comes,
    leaves(at) {
      isLost(at);
      addresses[at]?.leave();
    },
    breaks(at) {
      broken.add(at);
      addresses[at]?.break();
      void delay(noticedMs, undefined, { ref: false }).then(() => broken.has(at) && isLost(at));
    },
    mends(at) {
      broken.delete(at);
      addresses[at]?.mend();
      comes(at);
    },
  };
}
