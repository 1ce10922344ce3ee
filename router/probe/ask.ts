import http from 'node:http';

const timeoutMs = 1_000;

/**
 * Asks an engine for its health, over a connection of its own.
 * @returns whether it serves, by the kubelet's rule (200 to 399); undefined: no answer within a second
 */
export function askHealth(url: string): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const request = http.get(url, { agent: false, signal }, (response) => {
      const { statusCode = 0 } = response;
      response.on('error', () => {}).destroy();
      resolve(statusCode >= 200 && statusCode < 400);
    });
    request.on('error', () => resolve(signal.aborted ? undefined : false));
  });
}
