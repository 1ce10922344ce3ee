import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isReady } from '../../kube/readiness.ts';
import type { Pod } from '../../kube/resources.ts';
import { type Agents, type HeardReport, hasAgent } from './agents.ts';
import { hadFromStart } from './at-start.ts';
import { annotate, annotationsFor } from './bring.ts';
import type { WantedAdapter } from './protocol.ts';
import { type AdaptersView, judgeAdapters } from './verdict.ts';
import { wantedText } from './wanted.ts';

export interface AdapterStepOptions {
  client: KubeClient;
  agents: Agents;
  fieldManager: string;
  signal: AbortSignal;
}

/**
 * Tells the agents of pods which adapters are wanted, and the routers which are there.
 * @param pods live ones that serve requests
 * @param workers those that compute for them, whose engines read adapters too
 * @param adapters of the present spec; undefined: it is not sound, and what there is stays
 * @returns what is known of them; undefined where there are none
 */
export async function bringAdapters(
  deployment: ModelDeployment,
  pods: readonly Pod[],
  workers: readonly Pod[],
  adapters: readonly WantedAdapter[] | undefined,
  { client, agents, fieldManager, signal }: AdapterStepOptions,
): Promise<AdaptersView | undefined> {
  const heard = new Map<Pod, HeardReport | undefined>(
    pods.filter(hasAgent).map((pod) => [pod, agents.heard(pod)]),
  );
  if (adapters && !deployment.spec.paused) {
    const wanted = wantedText(deployment, adapters);
    for (const pod of [...workers.filter(hasAgent), ...heard.keys()]) {
      const annotations = annotationsFor(pod, wanted, heard.get(pod));
      if (annotations) await annotate(pod, annotations, { client, fieldManager, signal });
    }
  }
  const names = (deployment.spec.adapters ?? []).map(({ name }) => name);
  if (names.length === 0) return undefined;
  const serving = pods.filter(isReady);
  return judgeAdapters(
    names,
    serving.map((pod) => ({
      name: pod.metadata.name,
      adapters: heard.has(pod) ? heard.get(pod)?.adapters : hadFromStart(pod),
    })),
  );
}
