import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { ConfigMap } from '../../kube/resources.ts';

/** Who the API server says it asks for. */
export interface Caller {
  user: string;
  groups: string[];
}

/** How the API server proves itself to aggregated APIs: the ConfigMap that it writes for them. */
export interface FrontProxy {
  /** PEM. */
  ca: string;
  /** Common names that its certificate may have; empty: any. */
  allowedNames: readonly string[];
  usernameHeaders: readonly string[];
  groupHeaders: readonly string[];
}

/** Where that is. */
export const frontProxyRef = {
  namespace: 'kube-system',
  name: 'extension-apiserver-authentication',
} as const;

/** Reads it; undefined where the cluster's API server has no aggregation layer. */
export function frontProxyOf(configMap: ConfigMap | undefined): FrontProxy | undefined {
  const data = configMap?.data;
  const ca = data?.['requestheader-client-ca-file'];
  if (!data || !ca) return undefined;
  const list = (name: string): string[] => JSON.parse(data[`requestheader-${name}`] ?? '[]');
  return {
    ca,
    allowedNames: list('allowed-names'),
    usernameHeaders: list('username-headers'),
    groupHeaders: list('group-headers'),
  };
}

/**
 * Who a request is made for: only the API server may say so, and proves with its client certificate that it is
 * the one who does (Kubernetes, "Configure the Aggregation Layer").
 * @param request over TLS that asked for a certificate of `proxy.ca`
 * @returns undefined for anybody else
 */
export function callerOf(request: IncomingMessage, proxy: FrontProxy): Caller | undefined {
  const socket = request.socket as TLSSocket;
  if (!socket.authorized) return undefined;
  const { CN: name } = socket.getPeerCertificate().subject;
  const names = [name].flat();
  if (
    proxy.allowedNames.length > 0 &&
    !names.some((one) => one && proxy.allowedNames.includes(one))
  )
    return undefined;
  const values = (headers: readonly string[]) =>
    headers.flatMap((header) => request.headersDistinct[header.toLowerCase()] ?? []);
  const [user] = values(proxy.usernameHeaders);
  return user === undefined ? undefined : { user, groups: values(proxy.groupHeaders) };
}
