import type { Agent, Dispatcher } from 'undici';
import { KubeConnectionError } from './errors.ts';

/** One HTTP request, ready to be sent. */
export interface ExchangeRequest {
  origin: string;
  path: string;
  method: Dispatcher.HttpMethod;
  headers: Record<string, string>;
  body?: string | undefined;
  /** From the call until the last byte of the answer. */
  timeoutMs: number;
  /** For streams: the longest silence between two chunks; 0 or absent is without limit. */
  idleTimeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Called in the tick in which the request is written to its socket; a throw keeps it from being sent. */
  beforeSend?: (() => void) | undefined;
  /** When given, the body of a 200 goes here chunk by chunk instead of into `text`. */
  onData?: ((chunk: Buffer) => void) | undefined;
}

export interface ExchangeResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/**
 * Sends one request and resolves with its whole answer, whatever the status. Rejects with
 * {@link KubeConnectionError}, with the signal's reason, or with what `beforeSend` or `onData` threw; in
 * each of these cases the socket is closed. Uses dispatch: no Readable and no AbortSignal.any per call.
 */
export function exchange(agent: Agent, request: ExchangeRequest): Promise<ExchangeResponse> {
  const { signal, onData, origin, path, method, headers, body = null } = request;
  const label = `${method} ${path.split('?', 1)[0]}`;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    let controller: Dispatcher.DispatchController | undefined;
    let isSettled = false;
    const response: ExchangeResponse = { status: 0, headers: {}, text: '' };
    const chunks: Buffer[] = [];

    const settle = () => {
      isSettled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (reason: unknown) => {
      settle();
      reject(reason);
      controller?.abort(new Error('broken off', { cause: reason }));
    };
    const failOnThrow = (call: () => void) => {
      try {
        if (!isSettled) call();
      } catch (reason) {
        fail(reason);
      }
    };
    const lost = (code: 'timeout' | 'connection', cause?: unknown) =>
      fail(new KubeConnectionError(label, code, controller !== undefined, cause));
    const onAbort = () => fail(signal?.reason);
    const timer = setTimeout(() => lost('timeout'), request.timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });

    const bodyTimeout = request.idleTimeoutMs ?? 0;
    agent.dispatch(
      { origin, path, method, headers, body, headersTimeout: 0, bodyTimeout },
      {
        onRequestStart(current) {
          failOnThrow(() => request.beforeSend?.());
          if (isSettled) current.abort(new Error('not sent'));
          else controller = current;
        },
        onResponseStart(_controller, status, responseHeaders) {
          Object.assign(response, { status, headers: responseHeaders });
        },
        onResponseData(_controller, chunk) {
          if (onData && response.status === 200) failOnThrow(() => onData(chunk));
          else chunks.push(chunk);
        },
        onResponseEnd() {
          settle();
          response.text = chunks.length === 1 ? `${chunks[0]}` : Buffer.concat(chunks).toString();
          resolve(response);
        },
        onResponseError: (_controller, error) => lost('connection', error),
      },
    );
  });
}
