import { clientOver, type KubeClient } from '../client.ts';
import type { Clock } from '../clock.ts';
import { KubeApiError, KubeConnectionError } from '../errors.ts';
import type { ExchangeResponse } from '../exchange.ts';
import type { TransportRequest } from '../transport.ts';
import { carryOut, place, type SeenRequest } from './scripted-calls.ts';
import { Refusal, type ScriptedState } from './scripted-state.ts';

/** What becomes of one request: an answer with this status, or none, `lost` before or after it took effect. */
export type MemoryFault = { status: number } | { lost: 'request' | 'answer' };

/** Thrown where a request or its answer vanishes: the call ends at its deadline. */
const lost = new Error('lost');

/**
 * A client of a {@link ScriptedState} without sockets. A request waits `delayMs()` on the process's own
 * `clock`, is sent, takes as long on the `network`, and its answer reaches the process by its own clock
 * again: a process that is stopped sends nothing and hears nothing, but what it has sent goes on. With fake
 * clocks every run is the same. Repeats nothing.
 */
export function createMemoryClient(options: {
  state: ScriptedState;
  clock: Clock;
  network: Clock;
  delayMs?: () => number;
  fault?: (request: SeenRequest) => MemoryFault | undefined;
  /** Told of each request once it has taken effect. */
  onDone?: (request: SeenRequest) => void;
}): KubeClient {
  const { state, clock, network, delayMs = () => 0, fault, onDone } = options;

  function answer(seen: SeenRequest): string {
    const planned = fault?.(seen);
    if (planned && 'status' in planned) throw new Refusal(planned.status, 'Scripted');
    if (planned?.lost === 'request') throw lost;
    const text = JSON.stringify(carryOut(state, seen));
    onDone?.(seen);
    if (planned?.lost === 'answer') throw lost;
    return text;
  }

  async function send(request: TransportRequest): Promise<ExchangeResponse> {
    const { method, signal, onData, body = '', contentType } = request;
    signal?.throwIfAborted();
    const { pathname: path, searchParams: query } = new URL(request.path, 'http://memory');
    const headers = { 'content-type': contentType };
    const seen = { method, body, path, query, headers, atMs: clock.nowMs() };
    const { promise, resolve, reject } = Promise.withResolvers<ExchangeResponse>();
    const cleanUps: (() => void)[] = [];
    let hasEnded = false;
    const hear = (what: () => void) =>
      clock.after(0, () => {
        if (!hasEnded) what();
      });

    const take = () => {
      try {
        if (!onData || !query.has('watch')) {
          const text = answer(seen);
          hear(() => {
            onData?.(Buffer.from(text));
            resolve({ status: 200, headers: {}, text: onData ? '' : text });
          });
          return;
        }
        const from = Number(query.get('resourceVersion'));
        state.checkKept(from);
        const unfollow = state.follow(from, ({ type, object, collection }) => {
          const line = Buffer.from(`${JSON.stringify({ type, object })}\n`);
          if (collection === place(path).collection) hear(() => onData(line));
        });
        cleanUps.push(unfollow);
      } catch (error) {
        if (error === lost) return;
        if (!(error instanceof Refusal)) throw error;
        const { code, reason, message } = error;
        hear(() => reject(new KubeApiError(path, code, { code, reason, message })));
      }
    };
    const leave = () => {
      try {
        request.beforeSend?.();
        network.after(delayMs(), take);
      } catch (error) {
        reject(error);
      }
    };
    const onAbort = () => reject(signal?.reason);
    const onTimeout = () => reject(new KubeConnectionError(path, 'timeout', true));
    signal?.addEventListener('abort', onAbort);
    cleanUps.push(clock.after(request.timeoutMs, onTimeout), clock.after(delayMs(), leave));
    cleanUps.push(() => signal?.removeEventListener('abort', onAbort));
    return promise.finally(() => {
      hasEnded = true;
      for (const cleanUp of cleanUps) cleanUp();
    });
  }
  return clientOver({ send, close: async () => {} });
}
