import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { keyOf } from '../../kube/object.ts';
import { addressOrigin } from '../../kube/pod-origin.ts';
import type { Reflector } from '../../kube/reflector.ts';
import type { Pod } from '../../kube/resources.ts';
import { progressPort } from './loader/progress-server.ts';
import { type Progress, progress, progressText } from './progress-text.ts';
import { isLoader } from './weights.ts';

export interface ProgressFollower {
  /** What the pod's loader said last. */
  of(uid: string): Progress | undefined;
  /** Ends all questions. */
  stop(): Promise<void>;
}

export interface ProgressOptions {
  /** Pods whose loaders are asked while they run. */
  pods: Pick<Reflector<Pod>, 'addHandler' | 'store'>;
  /** Told of a pod when what is shown of its progress is another. */
  onChange(pod: Pod): void;
  /** Milliseconds between two questions to one loader. */
  everyMs?: number;
  /** Of the loaders. */
  port?: number;
}

/**
 * Asks every loader that runs how far it is. One that does not answer, such as behind a network policy of
 * the user's, only lacks its figures in the status.
 */
export function followProgress({
  pods,
  onChange,
  everyMs = 2_000,
  port = progressPort,
}: ProgressOptions): ProgressFollower {
  const known = new Map<string, Progress>();
  const asking = new Map<string, AbortController>();
  // Whoever may make pods may answer here.
  const limits = { headersTimeout: 2_000, bodyTimeout: 2_000, maxResponseSize: 4_096 };
  const dispatcher = new Agent(limits);

  async function ask(key: string, address: string, signal: AbortSignal): Promise<void> {
    const url = `${addressOrigin(address, port)}/`;
    while (!signal.aborted) {
      try {
        const { body } = await request(url, { dispatcher, signal });
        const said = progress.parse(await body.json());
        const pod = pods.store.get(key);
        if (signal.aborted || !pod) return;
        const before = known.get(pod.metadata.uid);
        known.set(pod.metadata.uid, said);
        if (!before || progressText(before) !== progressText(said)) onChange(pod);
      } catch {
        // It has not begun to listen, has ended, or cannot be reached.
      }
      await sleep(everyMs, undefined, { signal }).catch(() => {});
    }
  }

  const removeHandler = pods.addHandler((before, after) => {
    const pod = after ?? before;
    if (!pod) return;
    const { uid } = pod.metadata;
    const address = after && loads(after) ? after.status?.podIP : undefined;
    if (address !== undefined && !asking.has(uid)) {
      const stop = new AbortController();
      asking.set(uid, stop);
      void ask(keyOf(pod), address, stop.signal);
    } else if (address === undefined) {
      asking.get(uid)?.abort();
      asking.delete(uid);
      known.delete(uid);
    }
  });
  return {
    of: (uid) => known.get(uid),
    async stop() {
      removeHandler();
      for (const stop of asking.values()) stop.abort();
      await dispatcher.destroy();
    },
  };
}

function loads({ metadata, status }: Pod): boolean {
  const { initContainerStatuses = [], containerStatuses = [] } = status ?? {};
  return (
    metadata.deletionTimestamp === undefined &&
    [...initContainerStatuses, ...containerStatuses].some(
      ({ name, state }) => isLoader(name) && state?.running !== undefined,
    )
  );
}
