import { adaptersAnnotation } from '../../crds/labels.ts';
import type { ModelDeploymentSpec } from '../../crds/modeldeployment.ts';
import type { Pod } from '../../kube/resources.ts';
import type { Container } from '../engines/engine.ts';
import type { LoaderSettings } from '../weights/download.ts';
import { fetchSecrets } from './kinds.ts';
import { adaptersFolder, reportPort, secretsFolder, wantedFile } from './protocol.ts';

/** Name of the container that brings adapters. */
export const adapterAgent = 'adapters';

/** What a pod has for adapters beside what they are mounted from. */
export interface AdapterParts {
  volumes: NonNullable<Pod['spec']['volumes']>;
  /** Into the engine's container. */
  volumeMounts: NonNullable<Container['volumeMounts']>;
  /** Runs beside the engine, and ends after it. */
  sidecar: Container;
}

const loaded = 'adapters';
const wanted = 'adapters-wanted';

/**
 * The agent that loads adapters while the engine serves (agent/main.ts), with the file that tells it which:
 * an annotation of its own pod. Undefined where the spec has no list of adapters, not even an empty one.
 * @param enginePort of the engine's API
 */
export function adapterParts(
  { adapters, engine }: Pick<ModelDeploymentSpec, 'adapters' | 'engine'>,
  { image, hubEndpoint }: LoaderSettings,
  enginePort: number,
): AdapterParts | undefined {
  if (!adapters) return undefined;
  const secrets = fetchSecrets(adapters, engine.type).map((secretName, index) => ({
    // One that is missing must not keep the model from starting: the agent says so.
    volume: { name: `adapters-secret-${index}`, secret: { secretName, optional: true } },
    mount: {
      name: `adapters-secret-${index}`,
      mountPath: `${secretsFolder}/${secretName}`,
      readOnly: true,
    },
  }));
  const [, folder = '', file = ''] = /^(.*)\/(.*)$/.exec(wantedFile) ?? [];
  const fieldPath = `metadata.annotations['${adaptersAnnotation}']`;
  const sidecar: Container = {
    name: adapterAgent,
    image,
    command: ['node', 'operator/adapters/agent/main.ts'],
    args: [String(enginePort)],
    restartPolicy: 'Always',
    env: hubEndpoint ? [{ name: 'FAIRLEAD_HUB_ENDPOINT', value: hubEndpoint }] : [],
    ports: [{ name: 'adapters', containerPort: reportPort, protocol: 'TCP' }],
    resources: {
      requests: { cpu: '10m', memory: '128Mi' },
      limits: { cpu: '1', memory: '512Mi' },
    },
    volumeMounts: [
      { name: loaded, mountPath: adaptersFolder },
      { name: wanted, mountPath: folder, readOnly: true },
      ...secrets.map(({ mount }) => mount),
    ],
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
  };
  return {
    volumes: [
      { name: loaded, emptyDir: {} },
      { name: wanted, downwardAPI: { items: [{ path: file, fieldRef: { fieldPath } }] } },
      ...secrets.map(({ volume }) => volume),
    ],
    volumeMounts: [{ name: loaded, mountPath: adaptersFolder, readOnly: true }],
    sidecar,
  };
}
