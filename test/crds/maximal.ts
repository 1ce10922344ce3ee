import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { Intent } from '../../kube/object.ts';
import {
  acceleratorProfile,
  maximalAcceleratorProfile,
  maximalExternalModel,
  maximalModelDeployment,
  modelDeployment,
} from './objects.ts';

const long = (length: number) => 'x'.repeat(length);
const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const reference = { name: long(253), key: long(253), optional: true };
const referred = (index: number) => ({
  name: `R${index}`.padEnd(256, 'x'),
  valueFrom:
    index % 2 === 0
      ? { secretKeyRef: reference }
      : { configMapKeyRef: { ...reference, name: long(252) } },
});

/** By kind, objects that between them set every field to its bound: some fields exclude each other. */
export function maximalObjects() {
  return {
    ModelDeployment: [maximalModelDeployment(), otherModelDeployment()],
    AcceleratorProfile: [
      maximalAcceleratorProfile(),
      acceleratorProfile(`q${long(62)}`, {
        resourceName: undefined,
        deviceClassName: long(63),
        resources: {
          requests: Object.fromEntries(many(16, (index) => [`example.com/r${index}`, 1])),
        },
        images: Object.fromEntries(
          ['vLLM', 'LlamaCpp', 'SGLang', 'TGI', 'Ollama'].map((engine) => [engine, long(1024)]),
        ),
        env: many(32, referred),
      }),
    ],
    ExternalModel: [maximalExternalModel()],
  };
}

/** What excludes what the other one has. */
function otherModelDeployment(): Intent<ModelDeployment> {
  return modelDeployment(`n${long(39)}`, {
    aliases: many(16, (index) => `${index}`.padEnd(200, 'x')),
    source: { uri: `hf://org/${long(1024 - 9)}`, secretName: long(253), cache: long(63) },
    nodes: 16,
    warmNodes: 64,
    engine: {
      type: 'Custom',
      image: long(1024),
      command: many(64, () => long(4096)),
      port: 65_535,
      healthPath: `/${long(200)}`,
      kvEvents: false,
      env: many(64, referred),
      envFrom: many(16, (index) => ({
        prefix: long(256),
        [index % 2 === 0 ? 'secretRef' : 'configMapRef']: { name: long(253), optional: true },
      })),
    },
    podTemplate: {
      spec: {
        tolerations: many(32, () => ({
          key: long(316),
          operator: 'Equal',
          value: long(63),
          effect: 'NoExecute',
          tolerationSeconds: 3600,
        })),
        affinity: {},
        topologySpreadConstraints: many(8, () => ({ maxSkew: 1 })),
        priorityClassName: long(253),
        runtimeClassName: long(253),
        schedulerName: long(253),
        serviceAccountName: long(253),
        imagePullSecrets: many(8, (index) => ({ name: `${index}`.padEnd(253, 'x') })),
        securityContext: {},
        initContainers: many(8, (index) => ({ name: `i${index}`.padEnd(63, 'x') })),
      },
    },
    rollout: {
      maxSurge: 1,
      maxUnavailable: 1000,
      drainTimeout: '99999h',
      startTimeout: '99999h',
      revisionHistoryLimit: 100,
      canary: {
        steps: many(10, (index) => ({ weight: 10 * index + 9, pause: '99999h' })),
        gates: {
          requests: 1_000_000,
          errorRatePoints: 100,
          ttftPercent: 10_000,
          tpotPercent: 10_000,
        },
      },
    },
    routing: { fallbacks: many(8, (index) => `${index}`.padEnd(200, 'x')) },
    paused: true,
  });
}
