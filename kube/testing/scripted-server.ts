import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { ClusterConfig } from '../config.ts';
import { keyOf } from '../object.ts';
import { type Change, Refusal, ScriptedState } from './scripted-state.ts';

/** One request as the server saw it. */
export interface SeenRequest {
  method: string;
  /** Without the query. */
  path: string;
  query: URLSearchParams;
  headers: http.IncomingHttpHeaders;
  body: string;
  atMs: number;
}

/** What to do to a request instead of, or while, answering it. */
export type Fault =
  | { status: number; reason?: string; headers?: Record<string, string>; body?: string }
  /** Close the socket, before or (`afterCommit`) after carrying the request out. */
  | { reset: true; afterCommit?: boolean }
  /** Never answer. */
  | { hang: true }
  | { delayMs: number }
  /** For watches: send this text as it is, then go on. */
  | { inject: string };

export interface ScriptedServer {
  readonly state: ScriptedState;
  readonly url: string;
  readonly config: ClusterConfig;
  readonly seen: SeenRequest[];
  /** Open connections from clients. */
  readonly connections: number;
  /** Connections taken since it was made. */
  readonly accepted: number;
  /** Asked for each request, in order; the first fault is carried out. */
  fault: (request: SeenRequest) => Fault | undefined;
  /** Whether watches get a bookmark at each change of another kind. */
  bookmarks: boolean;
  /** Ends all watches; `brutal` resets their sockets. */
  cutWatches(brutal?: boolean): void;
  /** Sends a line to all watches. */
  inject(line: object | string): void;
  /** Certificates for new connections. */
  setTls(tls: https.ServerOptions): void;
  /** Stops listening and resets every connection; `start` listens again on the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** An API server of one process, for tests: real HTTP, scripted misbehaviour. */
export async function startScriptedServer(tls?: https.ServerOptions): Promise<ScriptedServer> {
  const state = new ScriptedState();
  const seen: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  const watches = new Set<http.ServerResponse>();
  const handle = (request: http.IncomingMessage, response: http.ServerResponse) =>
    void answer(request, response).catch(() => response.destroy());
  const server = tls ? https.createServer(tls, handle) : http.createServer(handle);
  server.keepAliveTimeout = 60_000;
  server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    sockets.add(socket);
    accepted++;
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  let port = 0;
  let accepted = 0;
  const listen = () =>
    new Promise<void>((resolve) =>
      server.listen(port, '127.0.0.1', () => {
        port = (server.address() as AddressInfo).port;
        resolve();
      }),
    );

  async function answer(request: http.IncomingMessage, response: http.ServerResponse) {
    const url = new URL(request.url ?? '/', 'http://server');
    let body = '';
    for await (const chunk of request) body += chunk;
    const one: SeenRequest = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body,
      atMs: performance.now(),
    };
    seen.push(one);
    const fault = scripted.fault(one);
    if (fault && 'hang' in fault) return;
    if (fault && 'delayMs' in fault) await new Promise((done) => setTimeout(done, fault.delayMs));
    if (fault && 'reset' in fault && !fault.afterCommit)
      return void response.socket?.resetAndDestroy();
    if (fault && 'status' in fault) return refuse(response, fault);
    try {
      if (one.query.has('watch')) return watch(one, response, fault);
      const result = carryOut(state, one);
      if (fault && 'reset' in fault) return void response.socket?.resetAndDestroy();
      send(response, one.method === 'POST' ? 201 : 200, result);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { code, reason, message } = error;
      send(response, code, { kind: 'Status', status: 'Failure', code, reason, message });
    }
  }

  function watch(request: SeenRequest, response: http.ServerResponse, fault: Fault | undefined) {
    const { collection, namespace } = place(request.path);
    const write = (line: object) =>
      response.writableEnded || response.write(`${JSON.stringify(line)}\n`);
    const tell = (change: Change) => {
      if (change.collection !== collection) {
        if (scripted.bookmarks) write(bookmark(change.version));
      } else if (!namespace || change.object.metadata.namespace === namespace) {
        write({ type: change.type, object: change.object });
      }
    };
    const bookmark = (version: number, annotations?: object) => ({
      type: 'BOOKMARK',
      object: { kind: 'x', metadata: { resourceVersion: `${version}`, annotations } },
    });
    const from = Number(request.query.get('resourceVersion') ?? 0);
    state.checkKept(from);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const unfollow = state.follow(from, tell);
    watches.add(response);
    response.on('close', () => {
      unfollow();
      watches.delete(response);
    });
    if (fault && 'inject' in fault) response.write(fault.inject);
  }

  await listen();
  const scripted: ScriptedServer = {
    state,
    seen,
    fault: () => undefined,
    bookmarks: false,
    get url() {
      return `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
    },
    get config() {
      return { server: scripted.url, namespace: 'default', credentials: async () => ({}) };
    },
    get connections() {
      return sockets.size;
    },
    get accepted() {
      return accepted;
    },
    cutWatches(brutal = false) {
      for (const response of watches) {
        if (brutal) response.socket?.resetAndDestroy();
        else response.end();
      }
    },
    inject(line) {
      const text = typeof line === 'string' ? line : `${JSON.stringify(line)}\n`;
      for (const response of watches) response.write(text);
    },
    setTls: (options) => (server as https.Server).setSecureContext(options),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
    start: listen,
  };
  return scripted;
}

function refuse(response: http.ServerResponse, fault: Extract<Fault, { status: number }>): void {
  const { status: code, reason = '', headers } = fault;
  const text = fault.body ?? JSON.stringify({ kind: 'Status', code, reason, message: 'scripted' });
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(text);
}

function send(response: http.ServerResponse, code: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(code, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** Splits `/apis/g/v/namespaces/ns/plural/name/subresource`. */
function place(path: string) {
  const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  const root = parts.splice(0, parts[0] === 'api' ? 2 : 3);
  const namespace =
    parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2)[1] : undefined;
  const [plural = '', name, subresource] = parts;
  return { collection: `/${[...root, plural].join('/')}`, namespace, name, subresource };
}

function carryOut(state: ScriptedState, request: SeenRequest): object {
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
