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

/** The answer; `text` is empty for a streamed one. */
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
    let failure: { reason: unknown } | undefined;
    const response: ExchangeResponse = { status: 0, headers: {}, text: '' };
    const chunks: Buffer[] = [];

    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (reason: unknown) => {
      settle();
      failure ??= { reason };
      controller?.abort(new Error('broken off', { cause: reason }));
      reject(failure.reason);
    };
    const onAbort = () => fail(signal?.reason);
    const onTimeout = () =>
      fail(new KubeConnectionError(label, 'timeout', controller !== undefined));
    const timer = setTimeout(onTimeout, request.timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });

    const bodyTimeout = request.idleTimeoutMs ?? 0;
    agent.dispatch(
      { origin, path, method, headers, body, headersTimeout: 0, bodyTimeout },
      {
        onRequestStart(current) {
          try {
            if (failure === undefined) request.beforeSend?.();
          } catch (reason) {
            fail(reason);
          }
          if (failure) current.abort(new Error('not sent'));
          else controller = current;
        },
        onResponseStart(_controller, statusCode, responseHeaders) {
          Object.assign(response, { status: statusCode, headers: responseHeaders });
        },
        onResponseData(_controller, chunk) {
          if (failure) return;
          try {
            if (onData && response.status === 200) onData(chunk);
            else chunks.push(chunk);
          } catch (reason) {
            fail(reason);
          }
        },
        onResponseEnd() {
          settle();
          response.text = chunks.length === 1 ? `${chunks[0]}` : Buffer.concat(chunks).toString();
          resolve(response);
        },
        onResponseError(_controller, error) {
          fail(new KubeConnectionError(label, 'connection', controller !== undefined, error));
        },
      },
    );
  });
}
