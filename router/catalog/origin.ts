import type { Replica } from './model.ts';

/** Where connections to a replica go, such as `http://10.0.0.7:8000`. */
export function originOf({ host, port, external }: Replica): string {
  return `${external?.tls ? 'https' : 'http'}://${host}:${port}`;
}

/**
 * The path to ask a replica at. A pod has the paths that clients use; an external endpoint has its own
 * base path in the place of `/v1`, and what is not under `/v1` beside it.
 * @param path as clients send it, with its query
 */
export function pathAt({ external }: Replica, path: string): string {
  if (!external) return path;
  const { basePath } = external;
  if (path.startsWith('/v1/')) return basePath + path.slice('/v1'.length);
  return basePath.replace(/\/v1$/, '') + path;
}
