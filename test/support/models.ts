/** ModelDeployments as the tests apply them: the Skiff model on the fake accelerator. */
export function skiff(name: string, spec: Record<string, unknown> = {}): object {
  return {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata: { name },
    spec: {
      source: { uri: 'oci://local.test/skiff:1' },
      engine: { type: 'LlamaCpp' },
      accelerator: { profile: 'fake-gpu', count: 1 },
      // One thread each: llama-server's threads spin, and these machines are small.
      resources: { requests: { cpu: '50m' } },
      ...spec,
    },
  };
}

/** An AcceleratorProfile for an extended resource of the test nodes. */
export function acceleratorProfile(name: string, resourceName: string): object {
  return {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'AcceleratorProfile',
    metadata: { name },
    spec: { resourceName },
  };
}

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  observedGeneration: number;
}

export interface ModelDeploymentObject {
  metadata: { name: string; generation: number };
  spec: { replicas: number };
  status?: {
    observedGeneration: number;
    replicas: number;
    readyReplicas: number;
    url: string;
    lastColdStart?: Record<string, unknown>;
    conditions: Condition[];
  };
}

export interface PodObject {
  metadata: {
    name: string;
    uid: string;
    deletionTimestamp?: string;
    annotations?: Record<string, string>;
  };
  spec: { nodeName?: string };
  status: {
    phase?: string;
    podIP?: string;
    conditions?: { type: string; status: string; reason?: string }[];
    containerStatuses?: { restartCount: number; ready: boolean }[];
  };
}

export function conditionOf(object: ModelDeploymentObject, type: string): Condition | undefined {
  return object.status?.conditions.find((condition) => condition.type === type);
}
