import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** How to prove who we are and to check who answers; PEM texts. */
export interface Credentials {
  /** Headers to send: Authorization, Impersonate-User. */
  headers?: Record<string, string>;
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  serverName?: string | undefined;
  skipTlsVerify?: boolean | undefined;
}

/** One cluster as one user sees it. */
export interface ClusterConfig {
  /** Origin and optional path prefix, such as `https://10.0.0.1:6443`. */
  readonly server: string;
  /** The context's or the pod's own namespace. */
  readonly namespace: string;
  /** Reads the credentials anew; the client calls it at least every 60 s, so files may change under it. */
  credentials(): Promise<Credentials>;
}

/** A configuration could not be loaded; the message says what to set. */
export class KubeConfigError extends Error {
  override name = 'KubeConfigError';
}

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The configuration kubectl would use: `kubeconfigPath`, else $KUBECONFIG, else ~/.kube/config, else the
 * pod's service account. Kubeconfigs are read by @kubernetes/client-node (exec plugins, OIDC, merging),
 * which is imported only then: it costs some 400 ms and 85 MB (kube/README.md).
 * @throws KubeConfigError when there is none, or none that this client can use.
 */
export async function loadKubeConfig({ kubeconfigPath: path = '' } = {}): Promise<ClusterConfig> {
  if (path || process.env.KUBECONFIG || existsSync(join(homedir(), '.kube', 'config')))
    return fromKubeConfig(path);
  return inClusterConfig();
}

/**
 * The service account of the pod this process runs in. Token and CA are read from their files each time.
 * @param directory where the service account is mounted
 * @throws KubeConfigError outside of a pod.
 */
export async function inClusterConfig(directory = serviceAccount): Promise<ClusterConfig> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (!host || !port || !existsSync(join(directory, 'token')))
    throw new KubeConfigError(
      'no cluster: set KUBECONFIG, or run in a pod with automountServiceAccountToken',
    );
  const read = async (name: string) => (await readFile(join(directory, name), 'utf8')).trim();
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace: await read('namespace').catch(() => 'default'),
    async credentials() {
      const [token, ca] = await Promise.all([read('token'), read('ca.crt')]);
      return { headers: { authorization: `Bearer ${token}` }, ca };
    },
  };
}

async function fromKubeConfig(path: string): Promise<ClusterConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const loaded = new KubeConfig();
  if (path) loaded.loadFromFile(path);
  else loaded.loadFromDefault();
  const cluster = loaded.getCurrentCluster();
  if (!cluster)
    throw new KubeConfigError(`${path || 'kubeconfig'}: no current-context with a cluster`);
  if (cluster.proxyUrl) throw new KubeConfigError(`${cluster.name}: proxy-url is not supported`);
  return {
    server: cluster.server.replace(/\/$/, ''),
    namespace: loaded.getContextObject(loaded.getCurrentContext())?.namespace ?? 'default',
    async credentials() {
      // client-node refuses to authenticate over plain HTTP, which only `kubectl proxy` serves.
      if (cluster.server.startsWith('http:')) return {};
      const made: Parameters<typeof loaded.applyToHTTPSOptions>[0] = { headers: {} };
      await loaded.applyToHTTPSOptions(made);
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(made.headers ?? {}))
        headers[name.toLowerCase()] = String(value).trim();
      if (made.auth) headers.authorization = `Basic ${btoa(made.auth)}`;
      const [ca, cert, key] = [made.ca, made.cert, made.key].map((pem) => pem && `${pem}`);
      const skipTlsVerify = made.rejectUnauthorized === false;
      return { headers, ca, cert, key, serverName: cluster.tlsServerName, skipTlsVerify };
    },
  };
}
