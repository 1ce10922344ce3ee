import type { Feature } from '../../crds/modeldeployment/features.ts';
import type { Operation } from '../../telemetry/contract.ts';

/** A call that is answered by a replica of the model named in its JSON body. */
export interface ModelEndpoint {
  readonly method: 'POST';
  /** Canonical path, which the engine is asked at. */
  readonly path: string;
  readonly feature: Feature;
  readonly operation: Operation;
  /** What the engine ends a stream with. A stream that ends otherwise was cut off. */
  readonly streamEnd: 'done-marker';
}

/** Everything of an engine that clients can reach. What is not here does not exist for them. */
export const modelEndpoints: readonly ModelEndpoint[] = [
  {
    method: 'POST',
    path: '/v1/chat/completions',
    feature: 'Chat',
    operation: 'chat',
    streamEnd: 'done-marker',
  },
  {
    method: 'POST',
    path: '/v1/completions',
    feature: 'Completions',
    operation: 'text_completion',
    streamEnd: 'done-marker',
  },
  {
    method: 'POST',
    path: '/v1/embeddings',
    feature: 'Embeddings',
    operation: 'embeddings',
    streamEnd: 'done-marker',
  },
];

/** Answered by the router itself; the path of one model goes on behind `/v1/models/`. */
export const modelsPath = '/v1/models';

const prefixes = ['/openai/v1', '/v1'];

/** The paths an endpoint is reachable at: `/v1/…`, `/openai/v1/…` and `/…`. */
export function pathsOf(canonical: string): string[] {
  const bare = canonical.slice('/v1'.length);
  return [`/v1${bare}`, `/openai/v1${bare}`, bare];
}

/** What a path leads to: its canonical form and the methods served there; undefined: nothing. */
export function resolvePath(path: string): { path: string; methods: string[] } | undefined {
  const prefix = prefixes.find((candidate) => path.startsWith(`${candidate}/`)) ?? '';
  const canonical = `/v1${path.slice(prefix.length)}`;
  const endpoint = modelEndpoints.find((candidate) => candidate.path === canonical);
  if (endpoint) return { path: canonical, methods: [endpoint.method, 'OPTIONS'] };
  if (canonical === modelsPath || canonical.startsWith(`${modelsPath}/`)) {
    return { path: canonical, methods: ['GET', 'HEAD', 'OPTIONS'] };
  }
  return undefined;
}
