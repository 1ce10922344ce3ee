import { setTimeout as delay } from 'node:timers/promises';
import { type Dispatcher, request } from 'undici';
import { type DemandMessage, DemandReader, demandPath, leaseMs } from '../../protocol/demand.ts';

/** What is told of one router's stream, as it comes. */
export interface FollowHandler {
  /** A new stream began: `reader` has its state from here on. */
  onConnect(reader: DemandReader): void;
  onMessage(message: DemandMessage): void;
}

const firstRetryMs = 200;
const lastRetryMs = 5_000;

/**
 * Follows the demand stream of one router until `signal` aborts: connects, reads, and connects again when it
 * ends, breaks, or is silent for longer than its lease.
 * @param origin such as `http://10.0.0.7:9090`
 */
export async function follow(
  origin: string,
  handler: FollowHandler,
  signal: AbortSignal,
  dispatcher: Dispatcher,
): Promise<void> {
  let retryMs = firstRetryMs;
  while (!signal.aborted) {
    try {
      const { statusCode, body } = await request(origin + demandPath, {
        signal,
        dispatcher,
        headersTimeout: leaseMs,
        bodyTimeout: leaseMs,
      });
      if (statusCode !== 200) {
        await body.dump();
        throw new Error(`HTTP ${statusCode}`);
      }
      const reader = new DemandReader();
      handler.onConnect(reader);
      for await (const chunk of body) {
        for (const message of reader.push(chunk)) handler.onMessage(message);
        retryMs = firstRetryMs;
      }
    } catch {
      // Whatever it was: the router is gone, or another try tells.
    }
    await delay(retryMs, undefined, { signal }).catch(() => {});
    retryMs = Math.min(lastRetryMs, retryMs * 2);
  }
}
