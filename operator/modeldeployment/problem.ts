import type { Reason } from '../../crds/conditions.ts';
import { engineContainer } from '../../crds/labels.ts';
import { isReady, podCondition } from '../../kube/readiness.ts';
import type { Pod } from '../../kube/resources.ts';
import { isLoader } from '../weights/weights.ts';
import { maskSecrets } from './mask.ts';

/** Why a pod does not serve. */
export interface Problem {
  reason: Extract<
    Reason,
    | 'Scheduling'
    | 'Unschedulable'
    | 'Starting'
    | 'ImagePullFailed'
    | 'ConfigMissing'
    | 'LoadingWeights'
    | 'WeightsFailed'
    | 'OutOfMemory'
    | 'EngineCrashed'
    | 'PodFailed'
    | 'NotReady'
  >;
  /** Without the pod's name; ends without a full stop. */
  message: string;
}

type Status = NonNullable<Pod['status']>;
type ContainerStatus = NonNullable<Status['containerStatuses']>[number];
type Terminated = NonNullable<NonNullable<ContainerStatus['lastState']>['terminated']>;

/** pkg/kubelet/images/types.go: every reason that has to do with an image. */
const imageReasons = new Set(
  ['ImagePullBackOff', 'ErrImagePull', 'ErrImageNeverPull', 'InvalidImageName'].concat([
    'ImageInspectError',
    'RegistryUnavailable',
    'SignatureValidationFailed',
  ]),
);
/** pkg/kubelet/kuberuntime/kuberuntime_container.go: the container could not be put together. */
const configReasons = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'PreCreateHookError',
]);
const mostWords = 600;

/** What keeps this pod from serving; undefined when it serves. */
export function problemOf(pod: Pod): Problem | undefined {
  const { status } = pod;
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return failed(pod, status);
  if (isReady(pod)) return undefined;
  if (pod.spec.nodeName === undefined) {
    const { reason, message } = podCondition(pod, 'PodScheduled') ?? {};
    if (reason === 'Unschedulable') return { reason, message: schedulerWords(message) };
    return { reason: 'Scheduling', message: sentence(message) || 'waits for the scheduler' };
  }
  const { initContainerStatuses = [], containerStatuses = [] } = status ?? {};
  for (const container of [...initContainerStatuses, ...containerStatuses]) {
    const problem = containerProblem(container, pod);
    if (problem) return problem;
  }
  // The node controller says so of the pod; of the containers the last word is the lost kubelet's.
  if (containerStatuses.length > 0 && containerStatuses.every(({ ready }) => ready))
    return { reason: 'NotReady', message: `its node ${pod.spec.nodeName} does not answer` };
  return { reason: 'Starting', message: 'loads its image or its model' };
}

function failed(pod: Pod, { reason, message, containerStatuses }: Status): Problem {
  const ended = containerStatuses?.find(({ state }) => state?.terminated)?.state?.terminated;
  const words = sentence(message) || (ended ? ending(ended) : '');
  const why = [reason, words].filter(Boolean).join(': ') || 'ended';
  const node = pod.spec.nodeName ? ` on node ${pod.spec.nodeName}` : '';
  return { reason: 'PodFailed', message: `failed${node}: ${why}` };
}

function containerProblem(container: ContainerStatus, pod: Pod): Problem | undefined {
  const { state, lastState, restartCount, name } = container;
  const { reason = '', message } = state?.waiting ?? {};
  if (imageReasons.has(reason))
    return { reason: 'ImagePullFailed', message: pullWords(reason, message) };
  if (configReasons.has(reason))
    return { reason: 'ConfigMissing', message: sentence(message) || reason };
  if (container.ready) return undefined;
  const ended = state?.terminated ?? lastState?.terminated;
  if (isLoader(name)) {
    if (ended?.exitCode === 0) return undefined;
    if (ended)
      return { reason: 'WeightsFailed', message: sentence(ended.message) || ending(ended) };
    return state?.running && { reason: 'LoadingWeights', message: 'loads its weights' };
  }
  if (ended) return crash(ended, restartCount, name, pod);
  if (reason === 'RunContainerError')
    return { reason: 'EngineCrashed', message: `cannot be started: ${sentence(message)}` };
  if (container.started && wasReady(container, pod))
    return { reason: 'NotReady', message: 'answers its health check no more' };
  return undefined;
}

function crash(ended: Terminated, restarts: number, container: string, pod: Pod): Problem {
  const times = restarts > 0 ? `, restarted ${restarts} ${restarts === 1 ? 'time' : 'times'}` : '';
  if (ended.reason === 'OOMKilled') {
    const spec = pod.spec.containers.find(({ name }) => name === container);
    const limit = spec?.resources?.limits?.memory;
    const message = `was killed for memory${limit ? `, its limit is ${limit}` : ''}${times}`;
    return { reason: 'OutOfMemory', message };
  }
  const which = container === engineContainer ? 'engine' : container;
  return { reason: 'EngineCrashed', message: `${which} ${ending(ended)}${times}` };
}

/** How a container ended and its last words. */
function ending({ exitCode, signal, reason, message }: Terminated): string {
  const killedBy = signal ?? (exitCode > 128 ? exitCode - 128 : undefined);
  const how = killedBy
    ? `was ended by signal ${killedBy}`
    : `ended with exit code ${exitCode}${reason && reason !== 'Error' && reason !== 'Completed' ? ` (${reason})` : ''}`;
  const words = lastWords(message ?? '');
  return words ? `${how}, saying "${words}"` : how;
}

/** The last lines of a log, as far as they fit. */
function lastWords(log: string): string {
  const lines = maskSecrets(log)
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  let words = lines.pop() ?? '';
  for (let line = lines.pop(); line !== undefined; line = lines.pop()) {
    if (line.length + words.length > mostWords) break;
    words = `${line} | ${words}`;
  }
  return words.slice(-mostWords).replaceAll('"', "'");
}

/** What the scheduler says of the nodes, without what it says of preemption and claims. */
function schedulerWords(message: string | undefined): string {
  return sentence(message?.replace(/,? ?(no new claims to deallocate, ?)?preemption: .*$/s, ''));
}

/**
 * The kubelet says the same in two ways that alternate; one of them is kept, so that the status does not
 * change with every attempt.
 */
function pullWords(reason: string, message: string | undefined): string {
  const words = sentence(message)
    .replace(/^Back-off pulling image "[^"]*"(: ErrImagePull)?:? ?/, '')
    .replace(/\b(udp|tcp) \S+->/g, '$1 ');
  return words || `${reason}${message ? `: ${sentence(message)}` : ''}`;
}

/** Whether it became not ready after it had been, as opposed to not having become ready yet. */
function wasReady({ state }: ContainerStatus, pod: Pod): boolean {
  const since = podCondition(pod, 'Ready')?.lastTransitionTime;
  const startedAt = state?.running?.startedAt;
  return (
    since !== undefined && startedAt !== undefined && Date.parse(since) > Date.parse(startedAt)
  );
}

function sentence(message: string | undefined): string {
  const words = (message ?? '').trim().replace(/\.$/, '');
  return words.length > mostWords ? `${words.slice(0, mostWords)}…` : words;
}
