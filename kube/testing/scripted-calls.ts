import type { IncomingHttpHeaders } from 'node:http';
import { keyOf } from '../object.ts';
import { Refusal, type ScriptedState } from './scripted-state.ts';

/** One request as the server saw it. */
export interface SeenRequest {
  method: string;
  /** Without the query. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: string;
  atMs: number;
}

/** A watch's line that tells of a version alone. */
export function bookmark(version: number): object {
  return { type: 'BOOKMARK', object: { kind: 'x', metadata: { resourceVersion: `${version}` } } };
}

/** Splits `/apis/g/v/namespaces/ns/plural/name/subresource`. */
export function place(path: string) {
  const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  const root = parts.splice(0, parts[0] === 'api' ? 2 : 3);
  const namespace =
    parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2)[1] : undefined;
  const [plural = '', name, subresource] = parts;
  return { collection: `/${[...root, plural].join('/')}`, namespace, name, subresource };
}

/** Does to `state` what a request other than a watch asks. @throws Refusal */
export function carryOut(state: ScriptedState, request: SeenRequest): object {
  const { collection, namespace, name, subresource } = place(request.path);
  const body = request.body ? JSON.parse(request.body) : {};
  const key = keyOf({
    metadata: { name: name ?? body.metadata?.name ?? '', namespace: namespace ?? '' },
  });
  switch (request.method) {
    case 'GET':
      return name ? state.get(collection, key) : page(state, request, collection, namespace);
    case 'POST':
      if (subresource) return body;
      if (state.has(collection, key)) throw new Refusal(409, 'AlreadyExists');
      return state.put(collection, key, inNamespace(body, namespace));
    case 'DELETE': {
      const { uid, resourceVersion } = body.preconditions ?? {};
      const { metadata } = state.get(collection, key);
      if (uid && uid !== metadata.uid) throw new Refusal(409, 'Conflict');
      if (resourceVersion && resourceVersion !== metadata.resourceVersion)
        throw new Refusal(409, 'Conflict');
      return state.remove(collection, key);
    }
    default: {
      const applied = request.headers['content-type'] === 'application/apply-patch+yaml';
      const before = applied && !state.has(collection, key) ? {} : state.get(collection, key);
      const asked = body.metadata?.resourceVersion;
      if (asked && asked !== Reflect.get(before, 'metadata')?.resourceVersion)
        throw new Refusal(409, 'Conflict');
      const after = Array.isArray(body) ? before : merge(before, body);
      return state.put(collection, key, inNamespace(after, namespace));
    }
  }
}

function page(
  state: ScriptedState,
  { query }: SeenRequest,
  collection: string,
  namespace: string | undefined,
): object {
  const limit = Number(query.get('limit') ?? Number.POSITIVE_INFINITY);
  const [from = 0, version = state.version] = query.get('continue')?.split('@').map(Number) ?? [];
  const asked = query.get('resourceVersion');
  // As the API server does: a version with a limit and without a match is answered with that very state.
  if (asked && asked !== '0' && query.has('limit') && !query.has('resourceVersionMatch'))
    throw new Refusal(400, 'BadRequest', 'an exact list is not what anyone here wants');
  const snapshot = `${collection}@${version}`;
  if (from === 0) state.snapshots.set(snapshot, state.list(collection));
  const kept = state.snapshots.get(snapshot);
  if (!kept) throw new Refusal(410, 'Expired', 'continue token too old');
  const all = kept
    .filter(({ metadata }) => !namespace || metadata.namespace === namespace)
    .map(({ apiVersion: _, kind: __, ...rest }) => rest);
  const more = from + limit < all.length;
  if (!more) state.snapshots.delete(snapshot);
  return {
    kind: 'List',
    metadata: {
      resourceVersion: `${version}`,
      ...(more && { continue: `${from + limit}@${version}` }),
    },
    items: all.slice(from, from + limit),
  };
}

function inNamespace(body: object, namespace: string | undefined): object {
  const metadata = { ...Reflect.get(body, 'metadata'), ...(namespace && { namespace }) };
  return { ...body, metadata };
}

/** RFC 7396. */
function merge(target: unknown, patch: unknown): object {
  const result: Record<string, unknown> = { ...(target as object) };
  for (const [key, value] of Object.entries(patch as object)) {
    if (value === null) delete result[key];
    else if (typeof value === 'object' && !Array.isArray(value))
      result[key] = merge(result[key] ?? {}, value);
    else result[key] = value;
  }
  return result;
}
