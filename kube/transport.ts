import { isDeepStrictEqual } from 'node:util';
import { Agent } from 'undici';
import { sleep, systemClock } from './clock.ts';
import type { ClusterConfig, Credentials } from './config.ts';
import { KubeApiError, KubeConnectionError, type Status } from './errors.ts';
import { type ExchangeRequest, type ExchangeResponse, exchange } from './exchange.ts';
import type { Instruments } from './logger.ts';
import { retryDelayMs } from './retry.ts';

/** A request as the client states it; the transport adds origin, credentials and repeats. */
export interface TransportRequest extends Omit<ExchangeRequest, 'origin' | 'headers'> {
  contentType?: string | undefined;
  /** Whether a repeat after an unknown outcome does no harm. */
  idempotent: boolean;
}

export interface TransportOptions extends Instruments {
  userAgent?: string | undefined;
}

/** The way to one cluster. */
export interface Transport {
  /** Sends, repeats what may be repeated until the deadline, and resolves with a 2xx answer or rejects. */
  send(request: TransportRequest): Promise<ExchangeResponse>;
  close(): Promise<void>;
}

/** How long credentials are used before they are read again; half of what is promised. */
const credentialsMaxAgeMs = 30_000;
/** More calls and watches at once than these wait for a connection. */
const pooling = { connections: 100, keepAliveTimeout: 30_000, allowH2: false };

interface Connections {
  agent: Agent;
  credentials: Credentials;
  readAtMs: number;
}

/** Opens nothing until the first request. */
export function createTransport(config: ClusterConfig, options: TransportOptions = {}): Transport {
  const { clock = systemClock, metrics, userAgent = 'fairlead' } = options;
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
    const tls = tlsOptions(credentials);
    let agent = current?.agent;
    if (!agent || !isDeepStrictEqual(tls, current && tlsOptions(current.credentials))) {
      const old = agent;
      // Lets calls in flight end on the old connections.
      void old?.close().finally(() => agents.delete(old));
      const connect = { ...tls, keepAliveInitialDelay: 15_000, timeout: 10_000 };
      agent = new Agent({ ...pooling, connect });
      agents.add(agent);
    }
    current = { agent, credentials, readAtMs: clock.nowMs() };
    return current;
  }

  async function attempt(
    { agent, credentials }: Connections,
    request: TransportRequest,
    timeoutMs: number,
  ): Promise<ExchangeResponse> {
    const { method, contentType } = request;
    const path = prefix + request.path;
    const headers = {
      accept: 'application/json',
      'user-agent': userAgent,
      ...(contentType && { 'content-type': contentType }),
      ...credentials.headers,
    };
    let code = '<error>';
    try {
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
    return !isDeepStrictEqual((await connections(0)).credentials, used);
  }

  return {
    async send(request) {
      const deadlineMs = clock.nowMs() + request.timeoutMs;
      for (let tries = 0; ; tries++) {
        const used = await connections();
        const { credentials } = used;
        if (isClosed) throw new KubeConnectionError(request.path, 'connection', false, 'closed');
        try {
          return await attempt(used, request, Math.max(1, deadlineMs - clock.nowMs()));
        } catch (error) {
          request.signal?.throwIfAborted();
          if (isClosed) throw error;
          const delayMs = retryDelayMs(error, tries, request.idempotent);
          if (tries < 2 && (await rotated(credentials, error))) continue;
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

function tlsOptions({ ca, cert, key, serverName, skipTlsVerify }: Credentials) {
  return { ca, cert, key, servername: serverName, rejectUnauthorized: !skipTlsVerify };
}

function apiError(request: string, { status, headers, text }: ExchangeResponse): KubeApiError {
  const retryAfterMs = Number(headers['retry-after']) * 1000 || undefined;
  return new KubeApiError(request, status, statusIn(text), retryAfterMs);
}

/** The Status that a body holds; what something else on the way answered, such as a proxy, is the message. */
function statusIn(text: string): Status {
  try {
    const status: Status = JSON.parse(text);
    return status.kind === 'Status' ? status : {};
  } catch {
    return { message: text.slice(0, 200) };
  }
}
