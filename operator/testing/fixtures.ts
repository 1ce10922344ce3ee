import { attemptAnnotation, revisionLabel, slotLabel } from '../../crds/labels.ts';
import {
  type ModelDeployment,
  type ModelDeploymentStatus,
  modelDeploymentSpec,
} from '../../crds/modeldeployment.ts';
import { apiVersion } from '../../crds/object.ts';
import type { Pod } from '../../kube/resources.ts';
import type { Replica } from '../modeldeployment/replica.ts';

/** A moment for tests: milliseconds since 1970. */
export const nowMs = Date.parse('2026-11-21T12:00:00Z');
export const now = '2026-11-21T12:00:00Z';

/** A ModelDeployment as the API server would return it, with its defaults. */
export function modelDeployment(
  spec: Record<string, unknown> = {},
  status?: ModelDeploymentStatus,
): ModelDeployment {
  return {
    apiVersion,
    kind: 'ModelDeployment',
    metadata: {
      name: 'skiff',
      namespace: 'models',
      uid: 'uid-skiff',
      resourceVersion: '7',
      generation: 3,
      creationTimestamp: '2026-11-21T11:00:00Z',
    },
    spec: modelDeploymentSpec.parse({
      source: { uri: 'oci://registry.example/models/skiff:1' },
      engine: { type: 'LlamaCpp' },
      ...spec,
    }),
    ...(status && { status }),
  };
}

/** A replica that serves, unless told otherwise. */
export function replica(slot: number, rest: Partial<Replica> = {}): Replica {
  const { revision = 'new', state = 'live' } = rest;
  return {
    name: `skiff-${revision}-${slot}`,
    uid: `uid-${revision}-${slot}`,
    slot,
    revision,
    attempt: 0,
    state,
    scheduled: true,
    group: undefined,
    node: 'node-a',
    createdAtMs: nowMs,
    ready: state === 'live' || state === 'draining',
    notReadySinceMs: nowMs,
    sinceMs: state === 'live' ? undefined : nowMs,
    problem: undefined,
    ...rest,
  };
}

/** A pod with a node whose engine is not ready yet, unless told otherwise. */
export function pod(status: Pod['status'] & object = {}, rest: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'skiff-new-0',
      namespace: 'models',
      uid: 'uid-pod',
      resourceVersion: '9',
      creationTimestamp: '2026-11-21T11:00:00Z',
      labels: { [revisionLabel]: 'new', [slotLabel]: '0' },
      annotations: { [attemptAnnotation]: '2' },
      ...rest,
    },
    spec: {
      nodeName: 'node-a',
      containers: [{ name: 'engine', resources: { limits: { memory: '1Gi' } } }],
    },
    status: { phase: 'Pending', ...status },
  };
}
