import { setTimeout as delay } from 'node:timers/promises';
import { type Dispatcher, request } from 'undici';
import { type DemandMessage, DemandReader, leaseMs } from './demand.ts';

const firstRetryMs = 200;
const lastRetryMs = 5_000;

/**
 * Follows the demand stream of one router until `signal` aborts: connects, reads, and connects again when it
 * ends, breaks, or is silent for longer than its lease.
 * @param url such as `http://10.0.0.7:9090/demand/v1`
 * @param told of messages that have come, and of the reader that has them in its state; another reader than
 *   before when the stream began anew
 */
export async function followStream(
  url: string,
  told: (reader: DemandReader, messages: readonly DemandMessage[]) => void,
  signal: AbortSignal,
  dispatcher: Dispatcher,
): Promise<void> {
  let retryMs = firstRetryMs;
  while (!signal.aborted) {
    try {
      const { statusCode, body } = await request(url, {
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
      for await (const chunk of body) {
        const messages = reader.push(chunk);
        retryMs = firstRetryMs;
        if (messages.length > 0) told(reader, messages);
      }
    } catch {
      // Whatever it was: the router is gone, or another try tells.
    }
    await delay(retryMs, undefined, { signal }).catch(() => {});
    retryMs = Math.min(lastRetryMs, retryMs * 2);
  }
}
