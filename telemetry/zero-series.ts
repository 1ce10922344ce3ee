import {
  attemptOutcomes,
  type Operation,
  type Outcome,
  phases,
  queueOutcomes,
} from './contract/values.ts';
import type { RouterMetrics } from './metrics.ts';

/**
 * Series that are there before there is something to count: of one that begins with its first failure a
 * rate does not see that failure. Which ones is a matter of when, so that idle models have few.
 */

/** Statuses of requests that fail by what the alerts ask for, the usual one first. */
const failures: Partial<Record<Outcome, readonly [usual: string, ...others: string[]]>> = {
  server_error: ['502', '500', '503', '200'],
  timeout: ['504', '503', '200'],
  rejected: ['503', '429'],
};

/** What a retry is for: no answer, or one that another replica may better. */
const retryReasons = [
  ...['connection_error', 'timeout_connect', 'timeout_headers'],
  ...['502', '503', '504'],
];

/** As soon as a model is configured. */
export function startModel(
  metrics: RouterMetrics,
  model: string,
  operations: readonly Operation[],
): void {
  const of = { gen_ai_request_model: model };
  for (const operation of operations) {
    const labels = { ...of, gen_ai_operation_name: operation };
    metrics.requests.inc({ ...labels, code: '200', outcome: 'ok' }, 0);
    for (const [outcome, [code]] of Object.entries(failures)) {
      metrics.requests.inc({ ...labels, code, outcome }, 0);
    }
  }
  for (const type of ['input', 'output']) metrics.tokens.inc({ ...of, type }, 0);
  for (const outcome of attemptOutcomes) metrics.upstreamAttempts.inc({ ...of, outcome }, 0);
  for (const phase of phases) metrics.clientDisconnects.inc({ ...of, phase }, 0);
  for (const reason of retryReasons) metrics.retries.inc({ ...of, reason }, 0);
  metrics.prefixLookupBlocks.inc(of, 0);
  metrics.prefixHitBlocks.inc(of, 0);
  metrics.requestsInFlight.inc(of, 0);
  metrics.queueDepth.inc(of, 0);
}

/** When a model is first asked for an operation. */
export function startCalls(metrics: RouterMetrics, model: string, operation: Operation): void {
  const labels = { gen_ai_request_model: model, gen_ai_operation_name: operation };
  for (const [outcome, codes] of Object.entries(failures)) {
    for (const code of codes) metrics.requests.inc({ ...labels, code, outcome }, 0);
  }
}

/** When a request waits for a model: how it will end, no wait tells before. */
export function startWaits(metrics: RouterMetrics, model: string): void {
  for (const outcome of queueOutcomes) {
    metrics.queueWait.series({ gen_ai_request_model: model, outcome });
  }
}
