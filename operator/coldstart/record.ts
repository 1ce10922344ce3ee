import { isDeepStrictEqual } from 'node:util';
import type { LastColdStart } from '../../crds/modeldeployment/cold-start.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { servedNameOf } from '../../crds/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import { sleep, systemClock } from '../../kube/clock.ts';
import type { Logger } from '../../kube/logger.ts';
import { keyOf } from '../../kube/object.ts';
import { hasBeenReady, isReady, podCondition } from '../../kube/readiness.ts';
import type { Reflector } from '../../kube/reflector.ts';
import { Events, type Pod } from '../../kube/resources.ts';
import type { Store } from '../../kube/store.ts';
import { byModelDeployment, ownerUidOf, podIndexes } from '../modeldeployment/indexes.ts';
import { type ColdStart, coldStartOf, type PodEvent } from './stages.ts';

export interface ColdStartOptions {
  client: KubeClient;
  /** With the index {@link byModelDeployment}. */
  pods: Pick<Reflector<Pod>, 'addHandler' | 'store'>;
  modelDeployments: Store<ModelDeployment>;
  log: Logger;
  /** Told of each stage in seconds, under the model's served name. */
  observe: (model: string, stage: keyof ColdStart, seconds: number) => void;
  /** Told of the key of a ModelDeployment whose last cold start is a new one. */
  onRecorded: (key: string) => void;
  /** How long after it is Ready a pod's Events are asked for, since a list of them is work for the API server. */
  settleMs: number;
}

/** The cold starts that this process saw the end of. */
export interface ColdStarts {
  /** The last one, for the status: the one seen here, else the one that the status has. */
  lastOf(deployment: ModelDeployment): LastColdStart | undefined;
  stop(): void;
}

/**
 * Measures the start of each pod that becomes Ready while no other of its model is: into the metric, the log
 * and the status. A start whose end no leader saw is not measured.
 * Observes: Pods. Asks: the Events of such a pod. Writes: nothing.
 */
export function recordColdStarts(options: ColdStartOptions): ColdStarts {
  const { client, pods, modelDeployments, log, observe, onRecorded, settleMs } = options;
  const stopping = new AbortController();
  /** By the uid of the ModelDeployment, until its status in the cache has it. */
  const unwritten = new Map<string, LastColdStart>();

  const removeHandler = pods.addHandler((before, after) => {
    if (before && after && !hasBeenReady(before) && isReady(after) && isFirst(after))
      void measure(after);
  });

  function isFirst(pod: Pod): boolean {
    const [key = ''] = podIndexes[byModelDeployment](pod);
    const siblings = pods.store.byIndex(byModelDeployment, key);
    return siblings.every((one) => one.metadata.uid === pod.metadata.uid || !isReady(one));
  }

  async function measure(pod: Pod): Promise<void> {
    const [key = ''] = podIndexes[byModelDeployment](pod);
    const deployment = modelDeployments.get(key);
    if (!deployment || ownerUidOf(pod) !== deployment.metadata.uid) return;
    await sleep(systemClock, settleMs, stopping.signal);
    if (stopping.signal.aborted) return;
    const stages = coldStartOf(pod, await eventsOf(pod));
    if (!stages) return;
    const model = servedNameOf(deployment);
    for (const [stage, seconds] of Object.entries(stages))
      observe(model, stage as keyof ColdStart, seconds);
    const fields = { model, ...namesOf(pod), ...inSeconds(stages) };
    log.info(fields, 'cold start');
    unwritten.set(deployment.metadata.uid, inStatus(pod, stages));
    onRecorded(keyOf(deployment));
  }

  /** None where they cannot be had: the stages that need them are 0. */
  async function eventsOf({ metadata: { namespace, name, uid } }: Pod): Promise<PodEvent[]> {
    const fieldSelector = `regarding.uid=${uid}`;
    try {
      return (await client.list(Events, { namespace, fieldSelector, signal: stopping.signal }))
        .items;
    } catch (err) {
      log.warn({ err, namespace, pod: name }, 'the events of a pod cannot be read');
      return [];
    }
  }

  return {
    lastOf({ metadata: { uid }, status }) {
      const last = unwritten.get(uid);
      if (last && isDeepStrictEqual(last, status?.lastColdStart)) unwritten.delete(uid);
      return last ?? status?.lastColdStart;
    },
    stop() {
      removeHandler();
      stopping.abort();
    },
  };
}

function namesOf({ metadata: { namespace, name } }: Pod) {
  return { namespace, pod: name };
}

/** As fields of the log: `schedule_s` and so on. */
function inSeconds(stages: ColdStart): Record<string, number> {
  return Object.fromEntries(Object.entries(stages).map(([stage, value]) => [`${stage}_s`, value]));
}

function inStatus(pod: Pod, stages: ColdStart): LastColdStart {
  return {
    pod: pod.metadata.name,
    readyAt: podCondition(pod, 'Ready')?.lastTransitionTime ?? '',
    scheduleSeconds: Math.round(stages.schedule),
    imagePullSeconds: Math.round(stages.image_pull),
    fetchWeightsSeconds: Math.round(stages.fetch_weights),
    loadSeconds: Math.round(stages.load),
    firstReadySeconds: Math.round(stages.first_ready),
    totalSeconds: Math.round(stages.total),
  };
}
