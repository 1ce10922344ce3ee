import type { AcceleratorProfile } from '../../crds/acceleratorprofile.ts';
import type { ExternalModel } from '../../crds/externalmodel.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { Intent } from '../../kube/object.ts';

/** A ModelDeployment with what is required and `spec` besides, as a user would write it. */
export function modelDeployment(name: string, spec: object = {}): Intent<ModelDeployment> {
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      source: { uri: 'oci://local.test/skiff:1' },
      engine: { type: 'LlamaCpp' },
      ...spec,
    } as ModelDeployment['spec'],
  };
}

export function acceleratorProfile(name: string, spec: object = {}): Intent<AcceleratorProfile> {
  return { metadata: { name }, spec: { resourceName: 'example.com/gpu', ...spec } };
}

export function externalModel(name: string, spec: object = {}): Intent<ExternalModel> {
  return {
    metadata: { name, namespace: 'default' },
    spec: { baseURL: 'https://api.example/v1', ...spec } as ExternalModel['spec'],
  };
}

const long = (length: number) => 'x'.repeat(length);
const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** Every field set, every string and list as long as its bound, as far as a request may be long. */
export function maximalModelDeployment(): Intent<ModelDeployment> {
  return modelDeployment(`m${long(39)}`, {
    servedName: long(200),
    source: { uri: `oci://local.test/${long(1024 - 17)}` },
    engine: {
      type: 'vLLM',
      image: long(1024),
      args: many(128, () => long(4096)),
      env: many(64, (index) => ({ name: `E${index}`.padEnd(256, 'x'), value: long(4096) })),
      envFrom: many(16, (index) => ({ prefix: 'P_', secretRef: { name: `s${index}` } })),
      contextLength: 16_777_216,
      maxConcurrency: 4096,
      features: ['Chat', 'Completions', 'Embeddings'],
    },
    accelerator: { profile: long(63), count: 64 },
    resources: {
      requests: Object.fromEntries(many(16, (index) => [`example.com/r${index}`, 1])),
      limits: Object.fromEntries(many(16, (index) => [`example.com/r${index}`, '1Gi'])),
    },
    adapters: many(16, (index) => ({
      name: `a${index}`.padEnd(63, 'x'),
      source: { uri: `hf://org/${long(1024 - 9)}`, secretName: long(253), cache: long(63) },
    })),
    podTemplate: {
      metadata: {
        labels: Object.fromEntries(many(32, (index) => [`l${index}`, long(63)])),
        annotations: Object.fromEntries(many(64, (index) => [`a${index}`, long(1024)])),
      },
      spec: {
        nodeSelector: Object.fromEntries(many(32, (index) => [`n${index}`, long(63)])),
        volumes: many(32, (index) => ({ name: `v${index}`, emptyDir: {} })),
        containers: many(8, (index) => ({ name: `c${index}`, image: long(100) })),
      },
    },
    replicas: 1000,
    autoscaling: {
      minReplicas: 1000,
      maxReplicas: 1000,
      target: { inFlightPerReplica: 100_000 },
      scaleUpWindow: '1h',
      scaleDownWindow: '99999h',
      idleTimeout: '99999h',
      hold: { timeout: '99999h', maxRequests: 100_000 },
      schedules: many(16, () => ({
        start: Array(5).fill('1,2,3,4,5,6,7,1-2/3').join(' '),
        duration: '99999h',
        timeZone: 'America/Argentina/ComodRivadavia',
        minReplicas: 1000,
      })),
    },
    routing: {
      policy: 'PrefixAware',
      timeouts: { connect: '99999h', firstByte: '99999h', idle: '99999h', total: '99999h' },
      retries: 10,
    },
  });
}

export function maximalAcceleratorProfile(): Intent<AcceleratorProfile> {
  return acceleratorProfile(`p${long(62)}`, {
    resourceName: `example.com/${long(304)}`,
    nodeSelector: Object.fromEntries(many(32, (index) => [`label-${index}`, long(253)])),
    tolerations: many(32, () => ({
      key: long(316),
      operator: 'Equal',
      value: long(63),
      effect: 'NoExecute',
      tolerationSeconds: 3600,
    })),
    runtimeClassName: long(253),
    resources: { limits: Object.fromEntries(many(16, (index) => [`example.com/r${index}`, 1])) },
    images: { vLLM: long(1024), LlamaCpp: long(1024) },
    env: many(32, (index) => ({ name: `E${index}`.padEnd(256, 'x'), value: long(1024) })),
    shmSize: '16Gi',
    memoryGiB: 4096,
    pricePerHour: '9999999999.99999',
  });
}

export function maximalExternalModel(): Intent<ExternalModel> {
  return externalModel(long(253), {
    servedName: long(200),
    aliases: many(16, (index) => `${index}`.padEnd(200, 'x')),
    baseURL: `https://api.example/${long(1004)}`,
    upstreamModel: long(256),
    secretName: long(253),
    keyHeader: long(64),
    tls: { caSecretName: long(253) },
    timeouts: { connect: '99999h', firstByte: '99999h', idle: '99999h', total: '99999h' },
    maxInFlight: 100_000,
  });
}
