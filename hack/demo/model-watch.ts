import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { ClusterAccess } from './install.ts';

/** What the demo reads of a ModelDeployment. */
export interface Model {
  metadata: { name: string; uid: string; generation: number };
  status?: {
    observedGeneration?: number;
    readyReplicas?: number;
    conditions?: Condition[];
  };
}

/** One condition of the status. */
export interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

/** A watch on one ModelDeployment, open until `close`. */
export interface ModelWatch {
  /**
   * Shows each condition as it changes and resolves when `isDone` holds of the object. Throws at the
   * deadline, with the conditions as they are then.
   */
  until(isDone: (model: Model) => boolean, deadlineMs: number): Promise<Model>;
  close(): void;
}

/** Opens the watch; `show` is told of conditions that changed. The object may not exist yet. */
export function watchModel(
  cluster: ClusterAccess,
  ref: { namespace: string; name: string },
  show: (condition: Condition) => void,
): ModelWatch {
  const path = `/apis/fairlead.dev/v1alpha1/namespaces/${ref.namespace}/modeldeployments`;
  const query = `watch=true&fieldSelector=metadata.name%3D${ref.name}`;
  const child = spawn(
    cluster.kubectlPath,
    ['--kubeconfig', cluster.kubeconfigPath, 'get', '--raw', `${path}?${query}`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const shown = new Map<string, string>();
  const waiting = new Set<() => void>();
  let model: Model | undefined;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  child.on('error', failed.reject);
  child.on('close', (code) => failed.reject(new Error(`the watch ended with status ${code}`)));

  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = JSON.parse(line) as { type: string; object: Model };
    if (event.type !== 'ADDED' && event.type !== 'MODIFIED') return;
    model = event.object;
    for (const condition of model.status?.conditions ?? []) {
      const text = JSON.stringify([condition.status, condition.reason, condition.message]);
      if (shown.get(condition.type) === text) continue;
      shown.set(condition.type, text);
      show(condition);
    }
    for (const look of waiting) look();
  });

  return {
    until: async (isDone, deadlineMs) => {
      const done = Promise.withResolvers<Model>();
      const look = (): void => {
        if (model !== undefined && isDone(model)) done.resolve(model);
      };
      const timer = setTimeout(() => {
        const now = (model?.status?.conditions ?? []).map(conditionLine).join('\n');
        done.reject(new Error(`${ref.name} is not ready after ${deadlineMs / 1000} s:\n${now}`));
      }, deadlineMs);
      waiting.add(look);
      look();
      try {
        return await Promise.race([done.promise, failed.promise]);
      } finally {
        clearTimeout(timer);
        waiting.delete(look);
      }
    },
    close: () => {
      child.kill();
    },
  };
}

/** `Scheduled=False NoNode: …` */
export function conditionLine({ type, status, reason, message }: Condition): string {
  return `${`${type}=${status}`.padEnd(18)} ${reason}: ${message}`;
}

/** Whether the condition `Ready` is true of the newest spec. */
export function isReady({ metadata, status }: Model): boolean {
  const ready = status?.conditions?.some(
    ({ type, status: is }) => type === 'Ready' && is === 'True',
  );
  return ready === true && status?.observedGeneration === metadata.generation;
}
