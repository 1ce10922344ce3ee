import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { ClusterConfig } from '../config.ts';
import { bookmark, carryOut, place, type SeenRequest } from './scripted-calls.ts';
import { type Change, Refusal, ScriptedState } from './scripted-state.ts';
import { eventually } from './wait.ts';

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
  const tryToListen = () =>
    new Promise<boolean>((resolve) => {
      const onError = () => resolve(false);
      server.once('error', onError);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', onError);
        port = (server.address() as AddressInfo).port;
        resolve(true);
      });
    });
  // While it did not listen, a connection of someone else may have got its port for a moment.
  const listen = async () => void (await eventually('the port is free', tryToListen));

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
