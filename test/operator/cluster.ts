import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll } from 'vitest';
import { type Cluster, clusterDown, clusterUp, loadImages } from '../../hack/cluster/cluster.ts';
import { type BuiltImage, buildImages } from '../../hack/images/build.ts';
import type { ImageName } from '../../hack/images/catalog.ts';
import { type ClusterAccess, createKubectl, type Kubectl } from '../support/kubectl.ts';
import {
  skiff as acceleratedSkiff,
  acceleratorProfile,
  type Condition,
  type PodObject,
} from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';

/** What the tests read of a ModelDeployment. */
export interface ModelObject {
  metadata: { name: string; generation: number; resourceVersion: string };
  status?: {
    observedGeneration: number;
    replicas: number;
    readyReplicas: number;
    updatedReplicas: number;
    currentRevision?: string;
    updateRevision?: string;
    url?: string;
    servedNames: string[];
    lastColdStart?: Record<string, unknown>;
    capabilities?: Record<string, unknown>;
    adapters?: { name: string; loadedReplicas: number }[];
    conditions: Condition[];
  };
}

/** audit.k8s.io/v1, as far as it is read here. */
interface AuditEvent {
  verb: string;
  objectRef: { resource: string; subresource?: string; name?: string };
}

const writes = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** A pod with the labels that carry its place. */
export interface ModelPod extends PodObject {
  metadata: PodObject['metadata'] & {
    labels: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec: PodObject['spec'] & { containers: { image: string }[] };
}

/** A real one-node cluster with the CRDs and the model's images, for one test file. */
export interface OperatorCluster {
  kubectl(): Kubectl;
  access(): ClusterAccess;
  /** Full name of one of its images. */
  image(name: ImageName): string;
  /** For the operator: its own service account with the chart's rights. */
  kubeconfigPath(): string;
  /** What operators have written so far besides their lease, by the API server's own audit log. */
  operatorWrites(): string[];
  model(name: string): Promise<ModelObject>;
  pods(name: string): Promise<ModelPod[]>;
  /** Waits until a condition has this status and reason, and returns its message. */
  condition(name: string, type: string, status: string, reason: string): Promise<string>;
}

/** @param more images beside llama.cpp and the Skiff model */
export function useCluster(name: string, more: readonly ImageName[] = []): OperatorCluster {
  let cluster: Cluster;
  let images: BuiltImage[];
  let kubectl: Kubectl;
  let operatorKubeconfigPath: string;
  beforeAll(async () => {
    await clusterDown({ name });
    [cluster, images] = await Promise.all([
      clusterUp({ name, nodes: 1 }),
      buildImages({
        names: ['llama-server', 'skiff', ...more],
        log: (line) => console.error(line),
      }),
    ]);
    await loadImages(
      { name },
      images.map(({ archivePath }) => archivePath),
    );
    kubectl = createKubectl(cluster, 'default');
    await kubectl.run(['apply', '-f', 'charts/fairlead/crds/']);
    // A CRD so new that it has no conditions yet is an error to kubectl.
    await waitUntil('the CRDs are established', () =>
      kubectl.run(['wait', 'crd', '--all', '--for=condition=Established', '--timeout=30s']),
    );
    await waitUntil('the API server serves the kinds', () =>
      kubectl.apply(acceleratorProfile('fake-gpu', 'example.com/gpu')),
    );
    operatorKubeconfigPath = await operatorAccess(cluster, kubectl);
  });
  afterAll(() => clusterDown({ name }));

  const model = (of: string) => kubectl.getJson<ModelObject>('mdep', of);
  const conditionOf = async (of: string, type: string) =>
    (await model(of)).status?.conditions.find((one) => one.type === type);
  return {
    kubectl: () => kubectl,
    access: () => cluster,
    image(wanted) {
      const image = images.find(({ shortName }) => shortName === wanted);
      if (!image) throw new Error(`${wanted} is not one of the cluster's images`);
      return image.name;
    },
    kubeconfigPath: () => operatorKubeconfigPath,
    operatorWrites: () =>
      readFileSync(join(cluster.logsDir, 'audit.log'), 'utf8')
        .split('\n')
        // What stands behind the last line's end is still being written.
        .slice(0, -1)
        .filter((line) => line.includes(`"system:serviceaccount:default:${account}"`))
        .map((line) => JSON.parse(line) as AuditEvent)
        .filter(({ verb, objectRef }) => writes.has(verb) && objectRef.resource !== 'leases')
        .map(({ verb, objectRef: { resource, subresource = '', name = '' } }) =>
          [verb, resource, subresource, name].filter(Boolean).join(' '),
        ),
    model,
    pods: async (of) => {
      const selector = `fairlead.dev/model-deployment=${of}`;
      return (await kubectl.getJson<{ items: ModelPod[] }>('pods', '-l', selector)).items;
    },
    async condition(of, type, status, reason) {
      let last: Condition | undefined;
      try {
        return await waitUntil(`${of}: ${type}=${status} ${reason}`, async () => {
          last = await conditionOf(of, type);
          return last?.status === status && last.reason === reason ? last.message : undefined;
        });
      } catch (error) {
        throw new Error(`${of}: ${JSON.stringify(last)}`, { cause: error });
      }
    },
  };
}

/** A ModelDeployment of the Skiff model that asks for no accelerator. */
export function skiff(name: string, spec: Record<string, unknown> = {}): object {
  return acceleratedSkiff(name, { accelerator: undefined, ...spec });
}

const account = 'fairlead-operator';

/**
 * Gives the operator's account the chart's rights and returns a kubeconfig of that account.
 * @param values further arguments of Helm
 */
export async function operatorAccess(
  cluster: Cluster,
  kubectl: Kubectl,
  values: readonly string[] = [],
): Promise<string> {
  const { stdout: rights } = await promisify(execFile)(cluster.helmPath, [
    'template',
    'fairlead',
    'charts/fairlead',
    '--namespace=default',
    '--show-only=templates/operator-rbac.yaml',
    '--set=image.repository=unused,image.tag=unused',
    ...values,
  ]);
  await kubectl.run(['apply', '-f', '-'], rights);
  const token = (await kubectl.run(['create', 'token', account, '--duration=2h'])).trim();
  // Goes with the cluster.
  const path = `${cluster.kubeconfigPath}-operator`;
  await copyFile(cluster.kubeconfigPath, path);
  const config = ['--kubeconfig', path, 'config'];
  await kubectl.run([...config, 'set-credentials', account, `--token=${token}`]);
  await kubectl.run([...config, 'set-context', '--current', `--user=${account}`]);
  return path;
}
