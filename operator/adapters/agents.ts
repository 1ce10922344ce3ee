import { adaptersAnnotation, engineContainer } from '../../crds/labels.ts';
import { addressOrigin } from '../../kube/pod-origin.ts';
import type { Pod } from '../../kube/resources.ts';
import { parseReport, type Report, reportPath, reportPort } from './protocol.ts';
import { adapterAgent } from './sidecar.ts';

/** What an agent said last, and which container of the engine that was about. */
export interface HeardReport extends Report {
  container: string;
}

export interface AgentsOptions {
  /** The pod as it is now; undefined when it is gone. */
  podOf: (uid: string) => Pod | undefined;
  /** Told of a pod whose agent has said something new. */
  onNews: (pod: Pod) => void;
  /** Asks an agent; by default over HTTP. */
  ask?: (url: string, signal: AbortSignal) => Promise<string>;
}

/** The agents of all pods that have one. */
export interface Agents {
  /**
   * What the pod's agent says of the present annotation and container; undefined: nothing yet. As long as
   * something is on its way it is asked again and again, and `onNews` tells what comes of it.
   */
  heard(pod: Pod): HeardReport | undefined;
  stop(): void;
}

const askEveryMs = 1_000;
const answerMs = 5_000;

/** Follows the agents that somebody has asked about, by their pods' uids. */
export function followAgents({ podOf, onNews, ask = askAgent }: AgentsOptions): Agents {
  const reports = new Map<string, HeardReport>();
  const unsettled = new Set<string>();
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  async function askFor(pod: Pod): Promise<void> {
    const { uid } = pod.metadata;
    const container = engineContainerId(pod);
    const { podIP } = pod.status ?? {};
    if (!podIP || container === undefined) return;
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(answerMs)]);
    const url = addressOrigin(podIP, reportPort) + reportPath;
    const now = { ...parseReport(await ask(url, signal)), container };
    const before = reports.get(uid);
    reports.set(uid, now);
    if (JSON.stringify(before) !== JSON.stringify(now)) onNews(pod);
  }

  /** Asks each of them once, and again in a while those that are not settled then. */
  async function round(): Promise<void> {
    const uids = [...unsettled];
    await Promise.all(
      uids.map(async (uid) => {
        const pod = podOf(uid);
        // One that does not answer is starting, or on its way out.
        if (pod) await askFor(pod).catch(() => {});
        else reports.delete(uid);
        if (!pod || isSettled(reports.get(uid), pod)) unsettled.delete(uid);
      }),
    );
    timer = undefined;
    if (unsettled.size > 0) schedule(askEveryMs);
  }

  function schedule(inMs: number): void {
    if (!stopping.signal.aborted) timer ??= setTimeout(() => void round(), inMs);
  }

  return {
    heard(pod) {
      const { uid } = pod.metadata;
      const report = reports.get(uid);
      if (!isSettled(report, pod)) {
        unsettled.add(uid);
        schedule(0);
      }
      return report && isOf(report, pod) ? report : undefined;
    },
    stop() {
      stopping.abort();
      clearTimeout(timer);
    },
  };
}

/** Whether a pod has an agent. */
export function hasAgent({ spec }: Pod): boolean {
  return (spec.initContainers ?? []).some(({ name }) => name === adapterAgent);
}

/** The engine's container that runs now. */
export function engineContainerId({ status }: Pod): string | undefined {
  const container = status?.containerStatuses?.find(({ name }) => name === engineContainer);
  return container?.state?.running ? container.containerID : undefined;
}

function isOf({ wanted, container }: HeardReport, pod: Pod): boolean {
  const annotation = pod.metadata.annotations?.[adaptersAnnotation] ?? '';
  return wanted === annotation && container === engineContainerId(pod);
}

function isSettled(report: HeardReport | undefined, pod: Pod): boolean {
  if (!report || !isOf(report, pod)) return false;
  return report.adapters.every(({ state }) => state === 'loaded');
}

async function askAgent(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal });
  return response.text();
}
