import type { Dialect } from './dialects.ts';
import { modelEndpoints } from './endpoints.ts';

/** Answered by the router itself; the path of one model goes on behind `/v1/models/`. */
export const modelsPath = '/v1/models';

/** Where OpenAI serves WebSockets; asked for often enough to be told about. */
export const realtimePath = /^(?:\/openai)?(?:\/v1)?\/realtime(?:\/|$)/;

/** What a path leads to. */
export interface ServedPath {
  /** The endpoint's canonical path, ids in it as the client wrote them. */
  readonly path: string;
  /** The same with `{id}` for what differs from request to request. */
  readonly route: string;
  /** The methods served there, OPTIONS among them. */
  readonly methods: readonly string[];
  readonly dialect: Dialect;
}

/** The paths an endpoint is reachable at: `/v1/…`, `/openai/v1/…` and `/…`; `/v2/…` as it is. */
export function pathsOf(canonical: string): string[] {
  if (canonical.startsWith('/v2/')) return [canonical];
  const bare = canonical.startsWith('/v1/') ? canonical.slice('/v1'.length) : canonical;
  return [`/v1${bare}`, `/openai/v1${bare}`, bare];
}

interface Route {
  /** Split at `/`; undefined stands for any segment. */
  readonly segments: readonly (string | undefined)[];
  readonly path: string;
  readonly methods: readonly string[];
  readonly dialect: Dialect;
}

const routes: readonly Route[] = [...Map.groupBy(modelEndpoints, ({ path }) => path)].flatMap(
  ([path, endpoints]) => {
    const methods = endpoints.map(({ method }) => method);
    const dialect = endpoints[0]?.dialect ?? 'openai';
    return endpoints
      .flatMap(({ also }) => [path, ...(also ? [also] : [])])
      .flatMap(pathsOf)
      .map((known) => ({
        segments: known.split('/').map((part) => (part === '{id}' ? undefined : part)),
        path,
        methods: [...methods, 'OPTIONS'],
        dialect,
      }));
  },
);

/** What a path leads to, with any of its prefixes; undefined: nothing. */
export function resolvePath(path: string): ServedPath | undefined {
  const segments = path.split('/');
  const route = routes.find(
    (candidate) =>
      candidate.segments.length === segments.length &&
      candidate.segments.every((part, at) =>
        part === undefined ? segments[at] !== '' : part === segments[at],
      ),
  );
  if (route) {
    const id = segments[route.segments.indexOf(undefined)] ?? '';
    const { methods, dialect } = route;
    return { path: route.path.replace('{id}', () => id), route: route.path, methods, dialect };
  }
  return modelsRoute(path);
}

function modelsRoute(path: string): ServedPath | undefined {
  const known = pathsOf(modelsPath).find(
    (candidate) => path === candidate || path.startsWith(`${candidate}/`),
  );
  if (known === undefined) return undefined;
  const rest = path.slice(known.length);
  return {
    path: modelsPath + rest,
    route: rest === '' ? modelsPath : `${modelsPath}/{id}`,
    methods: ['GET', 'HEAD', 'OPTIONS'],
    dialect: 'openai',
  };
}
