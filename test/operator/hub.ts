import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Kubectl } from '../support/kubectl.ts';

const script = join(import.meta.dirname, 'hub.mjs');
const port = 8000;

/**
 * Runs a small hub in the cluster, over a folder of this machine, and waits until it answers.
 * @param image one with Node
 * @returns its base URL inside the cluster
 */
export async function startHub(kubectl: Kubectl, image: string, folder: string): Promise<string> {
  const labels = { app: 'hub' };
  await kubectl.apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'hub' },
    data: { 'hub.mjs': await readFile(script, 'utf8') },
  });
  await kubectl.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'hub' },
    spec: { selector: labels, ports: [{ port }] },
  });
  await kubectl.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'hub', labels },
    spec: {
      containers: [
        {
          name: 'hub',
          image,
          command: ['node', '/hub/hub.mjs', '/files', String(port)],
          readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
          volumeMounts: [
            { name: 'hub', mountPath: '/hub' },
            { name: 'files', mountPath: '/files', readOnly: true },
          ],
        },
      ],
      volumes: [
        { name: 'hub', configMap: { name: 'hub' } },
        { name: 'files', hostPath: { path: folder } },
      ],
      terminationGracePeriodSeconds: 0,
    },
  });
  await kubectl.run(['wait', 'pod/hub', '--for=condition=Ready', '--timeout=60s']);
  return `http://hub.default.svc:${port}`;
}
