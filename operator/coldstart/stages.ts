import { engineContainer } from '../../crds/labels.ts';
import { podCondition } from '../../kube/readiness.ts';
import type { Event, Pod } from '../../kube/resources.ts';
import { isLoader } from '../weights/weights.ts';

/**
 * Seconds of each stage of a pod's way to its first answer. They do not overlap, and add up to less than the
 * total: mounting volumes and setting up the network are no stage.
 */
export interface ColdStart {
  /** From its creation until it had a node. */
  schedule: number;
  /** Pulling images; 0: the node had them. */
  image_pull: number;
  /** The containers that fetch weights, and the pull of an image that holds them. */
  fetch_weights: number;
  /** From the start of the engine until it answered its health check. */
  load: number;
  /** From then until the pod was Ready: the kubelet's word, and readiness gates. */
  first_ready: number;
  /** From the creation of the pod until it was Ready. */
  total: number;
}

/** What is read of an Event. */
export type PodEvent = Pick<Event, 'reason' | 'note'>;

/** pkg/kubelet/images/image_manager.go: `Successfully pulled image "a" in 1s (2.5s including waiting). …` */
const pulled =
  /^Successfully pulled image "(?<image>[^"]+)" in \S+ \((?<took>\S+) including waiting\)/;

/**
 * The stages of a pod that is Ready for the first time. Pure. Times of the API are whole seconds; those of
 * pulls, which the kubelet tells in Events alone, are finer.
 * @param events of the pod; without them, pulls count as none
 * @returns undefined when the pod is not Ready
 */
export function coldStartOf(pod: Pod, events: readonly PodEvent[]): ColdStart | undefined {
  const createdAt = timeOf(pod.metadata.creationTimestamp) ?? 0;
  const readyAt = timeOf(since(pod, 'Ready'));
  if (readyAt === undefined) return undefined;
  const scheduledAt = timeOf(since(pod, 'PodScheduled')) ?? createdAt;
  const setUpAt = timeOf(since(pod, 'PodReadyToStartContainers')) ?? scheduledAt;
  const answersAt = timeOf(since(pod, 'ContainersReady')) ?? readyAt;
  const loaders = loading(pod, setUpAt);
  const pulls = pullSeconds(pod, events);
  return {
    schedule: between(createdAt, scheduledAt),
    image_pull: pulls.engine,
    fetch_weights: pulls.weights + between(loaders.from, loaders.to),
    load: between(engineStart(pod) ?? loaders.to, answersAt),
    first_ready: between(answersAt, readyAt),
    total: between(createdAt, readyAt),
  };
}

/** Since when a condition is True. */
function since(pod: Pod, type: string): string | undefined {
  const condition = podCondition(pod, type);
  return condition?.status === 'True' ? condition.lastTransitionTime : undefined;
}

/** When the first container that fetches weights began and the last one ended; both the same: none did. */
function loading({ status }: Pod, setUpAt: number): { from: number; to: number } {
  const loaders = (status?.initContainerStatuses ?? []).filter(({ name }) => isLoader(name));
  // Of one that was tried again only the last try has its times.
  const starts = loaders.flatMap(({ restartCount, state }) =>
    restartCount > 0 ? setUpAt : (timeOf(state?.terminated?.startedAt) ?? []),
  );
  const ends = loaders.flatMap(({ state }) => timeOf(state?.terminated?.finishedAt) ?? []);
  if (starts.length === 0 || ends.length === 0) return { from: setUpAt, to: setUpAt };
  return { from: Math.min(...starts), to: Math.max(...ends) };
}

/** When the engine was started; undefined: it crashed on its way, and its first start is not told. */
function engineStart({ status }: Pod): number | undefined {
  const engine = status?.containerStatuses?.find(({ name }) => name === engineContainer);
  return engine && engine.restartCount === 0 ? timeOf(engine.state?.running?.startedAt) : undefined;
}

function pullSeconds({ spec }: Pod, events: readonly PodEvent[]) {
  const weights = new Set((spec.volumes ?? []).map(({ image }) => image?.reference));
  const seconds = { engine: 0, weights: 0 };
  for (const { reason, note } of events) {
    const { image, took } = (reason === 'Pulled' && pulled.exec(note)?.groups) || {};
    if (took) seconds[weights.has(image) ? 'weights' : 'engine'] += goSeconds(took);
  }
  return seconds;
}

const goUnits: Readonly<Record<string, number>> = {
  h: 3600,
  m: 60,
  s: 1,
  ms: 1e-3,
  µs: 1e-6,
  ns: 1e-9,
};

/** Seconds of a Go duration such as `1m2.5s` or `430ms`. */
function goSeconds(duration: string): number {
  const parts = duration.matchAll(/([\d.]+)(h|ms|m|s|µs|ns)/g);
  return [...parts].reduce(
    (sum, [, value, unit = '']) => sum + Number(value) * (goUnits[unit] ?? 0),
    0,
  );
}

function between(fromMs: number, toMs: number): number {
  return Math.max(0, toMs - fromMs) / 1000;
}

function timeOf(text: string | undefined): number | undefined {
  const timeMs = Date.parse(text ?? '');
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
