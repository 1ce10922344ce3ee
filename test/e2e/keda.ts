import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { loadImages } from '../../hack/cluster/cluster.ts';
import { writeProgramImage } from '../../hack/cluster/local/pause-image.ts';
import { runCommand } from '../../hack/command.ts';
import { kedaModule, moduleFolder } from '../../hack/programs/programs.ts';
import { type ClusterAccess, createKubectl } from '../support/kubectl.ts';

/** KEDA's Deployments, also the names of their Services, with the entry of their images. */
const deployments = { 'keda-operator': 'keda', 'keda-metrics-apiserver': 'keda-adapter' } as const;
type Deployment = keyof typeof deployments;
/** Where each program is on this machine. */
export type KedaPrograms = Record<(typeof deployments)[Deployment], string>;

interface Container {
  image: string;
  args: string[];
  readinessProbe: object;
}

interface Manifest {
  kind: string;
  metadata: { name: string };
  spec: { caBundle?: string; template: { spec: { containers: [Container] } } };
}

type CertificateSecret = { data: Record<'ca.crt' | 'tls.crt' | 'tls.key', string> };

const namespace = 'keda';
const imageOf = (entry: string) => `local.test/${entry}:1`;

/**
 * Installs KEDA by the manifests of its module, without its webhooks. Its certificate is made here: one that KEDA
 * makes itself comes to the volumes that are mounted already a minute later.
 * @returns what removes it
 */
export async function installKeda(
  cluster: string,
  access: ClusterAccess,
  programs: KedaPrograms,
): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-keda-'));
  let secret: CertificateSecret;
  try {
    const writing = Object.values(deployments).map(async (entry) => {
      const archive = join(folder, `${entry}.tar`);
      await writeProgramImage({ name: imageOf(entry), entry, program: programs[entry] }, archive);
      return archive;
    });
    await loadImages({ name: cluster }, await Promise.all(writing));
    secret = await makeCertificate(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  // Its objects are in several namespaces, which kubectl refuses when it is told of one.
  const kubectl = createKubectl(access, '');
  const module = await moduleFolder('keda', kedaModule);
  const kustomized = await kubectl.run(['kustomize', join(module, 'config/minimal')]);
  const objects = parseAllDocuments(kustomized).map((document) => document.toJS() as Manifest);
  for (const object of objects) adapt(object, secret);
  const list = (items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  // The CRDs are longer than the annotation that a plain apply would leave.
  const apply = (items: object[]) =>
    kubectl.run(['apply', '--server-side', '-f', '-'], list(items));
  await apply(objects.filter(({ kind }) => kind === 'Namespace'));
  await apply([secret, ...objects]);
  const available = ['--for=condition=Available', '--timeout=180s'];
  for (const name of Object.keys(deployments))
    await kubectl.run(['wait', `deployment/${name}`, `--namespace=${namespace}`, ...available]);
  await kubectl.run(['wait', 'apiservice/v1beta1.external.metrics.k8s.io', ...available]);
  return async () => {
    await kubectl.run(['delete', '--wait=false', '-f', '-'], list(objects));
  };
}

/** The images and the certificate of this installation, and pods that are Ready as soon as they can be. */
function adapt({ kind, metadata, spec }: Manifest, { data }: CertificateSecret): void {
  if (kind === 'APIService') spec.caBundle = data['ca.crt'];
  if (kind !== 'Deployment') return;
  const [container] = spec.template.spec.containers;
  Object.assign(container, {
    image: imageOf(deployments[metadata.name as Deployment]),
    imagePullPolicy: 'IfNotPresent',
    resources: {},
    args: container.args.filter((one) => one !== '--enable-cert-rotation=true'),
  });
  Object.assign(container.readinessProbe, { initialDelaySeconds: 0, periodSeconds: 1 });
}

/** Of the names of both Services; it is its own authority. */
async function makeCertificate(folder: string): Promise<CertificateSecret> {
  const names = Object.keys(deployments).flatMap((service) => [
    `DNS:${service}.${namespace}.svc`,
    `DNS:${service}.${namespace}.svc.cluster.local`,
  ]);
  const [certificate, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  await runCommand('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-days', '2', '-subj', '/CN=keda', '-addext', `subjectAltName=${names.join(',')}`],
    ...['-keyout', key, '-out', certificate],
  ]);
  const encoded = await readFile(certificate, 'base64');
  const tlsKey = await readFile(key, 'base64');
  const data = { 'ca.crt': encoded, 'tls.crt': encoded, 'tls.key': tlsKey };
  const metadata = { name: 'kedaorg-certs', namespace };
  return Object.assign({ data }, { apiVersion: 'v1', kind: 'Secret', metadata });
}
