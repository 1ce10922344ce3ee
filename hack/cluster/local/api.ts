import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { text as consumeText } from 'node:stream/consumers';

const requestTimeoutMs = 5_000;

/** The API server answered with a status of 400 or more. */
export class ApiError extends Error {
  readonly status: number;
  constructor(method: string, path: string, status: number, body: string) {
    super(`${method} ${path}: ${status} ${body.slice(0, 500)}`);
    this.status = status;
  }
}

/** The little of the Kubernetes API that bringing up a cluster takes. */
export interface Api {
  /** Gives the answer's text; throws {@link ApiError} or a connection's error. */
  getText(path: string): Promise<string>;
  getJson<T>(path: string): Promise<T>;
  /** Creates the object or, where it is there, applies it; nobody else owns its fields. */
  apply(path: string, object: object): Promise<void>;
  mergePatch(path: string, patch: object): Promise<void>;
}

/** The part of a kubeconfig file that {@link connectApi} reads; `credentials.ts` writes it. */
interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
  users: { user: { token: string } }[];
}

/** A client with the rights and the address of a kubeconfig file that `writeCredentials` wrote. */
export function connectApi(kubeconfigPath: string): Api {
  const kubeconfig = JSON.parse(readFileSync(kubeconfigPath, 'utf8')) as Kubeconfig;
  const cluster = kubeconfig.clusters[0]?.cluster;
  const token = kubeconfig.users[0]?.user.token;
  if (cluster === undefined) throw new Error(`${kubeconfigPath} names no cluster`);
  const ca = Buffer.from(cluster['certificate-authority-data'], 'base64');

  const send = (method: string, path: string, contentType?: string, body?: object) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const headers = {
      authorization: `Bearer ${token}`,
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
    };
    const outgoing = request(
      new URL(path, cluster.server),
      { method, headers, ca, agent: false, timeout: requestTimeoutMs },
      async (response) => {
        try {
          const text = await consumeText(response);
          const status = response.statusCode ?? 0;
          if (status >= 400) throw new ApiError(method, path, status, text);
          resolve(text);
        } catch (error) {
          reject(error);
        }
      },
    );
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`${method} ${path}: no answer within ${requestTimeoutMs} ms`)),
    );
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  };
  const applyType = 'application/apply-patch+yaml';
  return {
    getText: (path) => send('GET', path),
    getJson: async <T>(path: string) => JSON.parse(await send('GET', path)) as T,
    apply: async (path, object) => {
      await send('PATCH', `${path}?fieldManager=fairlead-cluster&force=true`, applyType, object);
    },
    mergePatch: async (path, patch) => {
      await send('PATCH', path, 'application/merge-patch+json', patch);
    },
  };
}
