import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { loadImages } from '../../hack/cluster/cluster.ts';
import { writeProgramImage } from '../../hack/cluster/local/pause-image.ts';
import { moduleFolder } from '../../hack/programs/programs.ts';
import type { Kubectl } from '../support/kubectl.ts';

const image = 'local.test/lws:1';

interface Manifest {
  kind: string;
  spec: {
    replicas: number;
    template: {
      spec: { containers: { image: string; resources: object }[]; securityContext: object };
    };
  };
}

/** Installs the controller of LeaderWorkerSets as its own manifests say, from the built program. */
export async function installLws(
  cluster: string,
  kubectl: Kubectl,
  program: string,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-lws-'));
  try {
    const archive = join(folder, 'lws.tar');
    await writeProgramImage({ name: image, entry: 'manager', program }, archive);
    await loadImages({ name: cluster }, [archive]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const module = await moduleFolder('lws', 'sigs.k8s.io/lws');
  const manifests = parseAllDocuments(
    await kubectl.run(['kustomize', join(module, 'config/default')]),
  );
  const objects = manifests.map((document) => document.toJS() as Manifest);
  for (const { kind, spec } of objects) {
    if (kind !== 'Deployment') continue;
    const [container] = spec.template.spec.containers;
    spec.replicas = 1;
    Object.assign(container ?? {}, { image, resources: {} });
    Object.assign(spec.template.spec.securityContext, { runAsUser: 65532 });
  }
  const text = objects.map((object) => stringify(object)).join('---\n');
  // The CRDs are longer than the annotation that a plain apply would leave.
  await kubectl.run(['apply', '--server-side', '--namespace=lws-system', '-f', '-'], text);
  const deployment = ['deployment/lws-controller-manager', '-n', 'lws-system'];
  await kubectl.run(['wait', ...deployment, '--for=condition=Available', '--timeout=180s']);
}

/** A stand-in for an engine on several hosts: it serves when as many workers as it needs have come to it. */
export const groupEngine = `
const { LWS_WORKER_INDEX: index, LWS_GROUP_SIZE: size, LWS_LEADER_ADDRESS: leader } = process.env;
const net = require('node:net');
if (index === '0') {
  let workers = 0;
  net.createServer((socket) => {
    workers++;
    socket.on('error', () => {}).on('close', () => workers--);
  }).listen(9000);
  require('node:http').createServer((request, response) => {
    response.statusCode = workers === Number(size) - 1 ? 200 : 503;
    response.end();
  }).listen(8000);
} else {
  const come = () => net.connect(9000, leader).on('error', () => {}).on('close', () => setTimeout(come, 200));
  come();
}
process.on('SIGTERM', () => process.exit(0));
`;
