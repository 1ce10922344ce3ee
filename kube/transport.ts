import { Agent } from 'undici';
import { type Clock, sleep, systemClock } from './clock.ts';
import type { ClusterConfig, Credentials } from './config.ts';
import { KubeApiError, KubeConnectionError, type Status } from './errors.ts';
import { type ExchangeRequest, type ExchangeResponse, exchange } from './exchange.ts';
import type { KubeMetrics } from './metrics.ts';
import { retryDelayMs } from './retry.ts';

/** A request as the client states it; the transport adds origin, credentials and repeats. */
export interface TransportRequest extends Omit<ExchangeRequest, 'origin' | 'headers'> {
  contentType?: string | undefined;
  /** Whether a repeat after an unknown outcome does no harm. */
  idempotent: boolean;
}

/** What {@link createTransport} takes besides the cluster. */
export interface TransportOptions {
  userAgent?: string | undefined;
  metrics?: KubeMetrics | undefined;
  clock?: Clock | undefined;
  random?: (() => number) | undefined;
  /** Calls and watches at once; more calls than these wait for a connection. Default 100. */
  maxConnections?: number | undefined;
}

/** The connections to one cluster. */
export interface Transport {
  /** Sends, repeats what may be repeated until the deadline, and resolves with a 2xx answer or rejects. */
  send(request: TransportRequest): Promise<ExchangeResponse>;
  close(): Promise<void>;
}

/** How long credentials are used before they are read again; half of what is promised. */
const credentialsMaxAgeMs = 30_000;

interface Connections {
  agent: Agent;
  credentials: Credentials;
  tlsId: string;
  readAtMs: number;
}

/** Opens nothing until the first request. */
export function createTransport(config: ClusterConfig, options: TransportOptions = {}): Transport {
  const { clock = systemClock, random = Math.random, metrics, maxConnections = 100 } = options;
  const { origin, host, pathname } = new URL(config.server);
  const prefix = pathname.replace(/\/$/, '');
  const agents = new Set<Agent>();
  let current: Connections | undefined;
  let reading: Promise<Connections> | undefined;
  let isClosed = false;

  /** The present connections; new ones when the TLS material on disk is not what they were made with. */
  async function connections(maxAgeMs = credentialsMaxAgeMs): Promise<Connections> {
    if (current && clock.nowMs() - current.readAtMs < maxAgeMs) return current;
    reading ??= refresh().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  async function refresh(): Promise<Connections> {
    const credentials = await config.credentials().catch((error) => {
      // Files can be half-way through a rotation; what served until now is still the best there is.
      if (!current) throw error;
      return current.credentials;
    });
    const { headers: _, ...tls } = credentials;
    const tlsId = JSON.stringify(tls);
    const readAtMs = clock.nowMs();
    if (current?.tlsId === tlsId) return Object.assign(current, { credentials, readAtMs });
    const old = current?.agent;
    // Lets calls in flight end on the old connections.
    void old?.close().finally(() => agents.delete(old));
    current = { agent: open(tls), credentials, tlsId, readAtMs };
    return current;
  }

  function open({ ca, cert, key, serverName, skipTlsVerify }: Credentials): Agent {
    const tls = { ca, cert, key, servername: serverName, rejectUnauthorized: !skipTlsVerify };
    const agent = new Agent({
      allowH2: false,
      connections: maxConnections,
      keepAliveTimeout: 30_000,
      connect: { ...tls, keepAliveInitialDelay: 15_000, timeout: 10_000 },
    });
    agents.add(agent);
    return agent;
  }

  async function attempt(
    { agent, credentials }: Connections,
    request: TransportRequest,
    timeoutMs: number,
  ): Promise<ExchangeResponse> {
    const { method, contentType } = request;
    if (isClosed) throw new KubeConnectionError(request.path, 'connection', false, 'closed');
    const headers = {
      accept: 'application/json',
      'user-agent': options.userAgent ?? 'fairlead',
      ...(contentType && { 'content-type': contentType }),
      ...credentials.headers,
    };
    let code = '<error>';
    try {
      const path = prefix + request.path;
      const response = await exchange(agent, { ...request, origin, path, headers, timeoutMs });
      code = `${response.status}`;
      if (response.status < 300) return response;
      throw apiError(`${method} ${request.path.split('?', 1)[0]}`, response);
    } finally {
      metrics?.restRequests.inc({ code, method, host });
    }
  }

  /** Whether reading the credentials anew brought others than those that `error` was the answer to. */
  async function rotated(used: Credentials, error: unknown): Promise<boolean> {
    const unauthorized = error instanceof KubeApiError && error.status === 401;
    const unsent = error instanceof KubeConnectionError && !error.sent && error.code !== 'timeout';
    if (!unauthorized && !unsent) return false;
    return JSON.stringify((await connections(0)).credentials) !== JSON.stringify(used);
  }

  return {
    async send(request) {
      const deadlineMs = clock.nowMs() + request.timeoutMs;
      for (let tries = 0; ; tries++) {
        const open = await connections();
        const used = open.credentials;
        try {
          return await attempt(open, request, Math.max(1, deadlineMs - clock.nowMs()));
        } catch (error) {
          request.signal?.throwIfAborted();
          if (isClosed) throw error;
          const delayMs = retryDelayMs(error, tries, request.idempotent, random);
          if (tries < 2 && (await rotated(used, error))) continue;
          if (delayMs === undefined || clock.nowMs() + delayMs >= deadlineMs) throw error;
          await sleep(clock, delayMs, request.signal);
        }
      }
    },
    async close() {
      isClosed = true;
      await Promise.all([...agents].map((agent) => agent.destroy()));
    },
  };
}

function apiError(
  request: string,
  { status: code, headers, text }: ExchangeResponse,
): KubeApiError {
  let status: Status;
  try {
    status = JSON.parse(text);
    if (status.kind !== 'Status') status = {};
  } catch {
    status = { message: text.slice(0, 200) };
  }
  const retryAfterMs = Number(headers['retry-after']) * 1000;
  return new KubeApiError(request, code, status, retryAfterMs > 0 ? retryAfterMs : undefined);
}
