import { metered } from '../../router/balance/metered.ts';
import type { RouterMetrics } from '../../telemetry/metrics.ts';
import { RequestRecord } from '../../telemetry/request-record.ts';
import { RequestTelemetry } from '../../telemetry/request-telemetry.ts';
import type { Tracing } from '../../telemetry/tracing.ts';

/** Which signals are on. */
export interface Signals {
  metrics: RouterMetrics;
  accessLog: { info(fields: object, message: string): void } | undefined;
  tracing: Tracing;
}

/** More than anything keeps of values that recur. */
const variety = 1_000;
const of = <T>(count: number, make: (index: number) => T): readonly [T, ...T[]] =>
  Array.from({ length: count }, (_, index) => make(index)) as [T, ...T[]];
const pick = <T>(all: readonly [T, ...T[]], index: number): T => all[index % all.length] ?? all[0];

const heads = of(variety, (index) =>
  Buffer.from(
    `data: {"id":"chatcmpl-${index}","object":"chat.completion.chunk","created":1700000000,"model":"skiff","system_fingerprint":"b1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n`,
  ),
);
const middle = Buffer.from(
  'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"skiff","system_fingerprint":"b1","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}\n\n',
);
const tails = of(variety, (index) =>
  Buffer.from(
    `data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":${120 + index},"completion_tokens":12,"prompt_tokens_details":{"cached_tokens":${96 + index}}}}\n\ndata: [DONE]\n\n`,
  ),
);
const requests = of(variety, (index) => ({
  requestId: `req_${index.toString(16).padStart(16, '0')}`,
  clientAddress: `10.9.${index % 7}.${index % 251}`,
}));
const traces = of(
  variety,
  (index) => `00-4bf92f3577b34da6a3ce92${index.toString(16).padStart(10, '0')}-00f067aa0ba902b7-01`,
);
const replicas = of(8, (index) => ({
  pod: `skiff-7d9f5c-${index}`,
  namespace: 'models',
  runtime: 'vllm',
  revision: '7d9f5c',
  address: `10.1.2.${index}`,
  port: 8000,
}));
const placed = {
  policy: 'PrefixAware',
  reason: 'prefix',
  candidates: 4,
  prefixMatchRatio: 0.8,
} as const;
const parameters = {
  'gen_ai.request.max_tokens': 256,
  'gen_ai.request.temperature': 0.7,
  'openai.api.type': 'chat_completions',
};

/**
 * Makes what tells of one streamed chat of twelve chunks over one attempt, as the router does it, from
 * the first line of its head to the last byte. Only what the signals do is done: no network, no JSON scan.
 * Ids, addresses, replicas and tokens are others from one request to the next.
 */
export function tellingOf(
  { metrics, accessLog, tracing }: Signals,
  { isSampled = false } = {},
): () => void {
  const nowMs = () => performance.now();
  const telemetry = new RequestTelemetry({ metrics, accessLog, tracing, nowMs });
  const placement = { ...placed, prefix: { units: 40, matchedUnits: 32 } };
  // Only place() is called.
  const inner = { place: () => placement } as unknown as Parameters<typeof metered>[0];
  const balancer = metered(inner, metrics, nowMs);
  const asked = { model: 'skiff' } as Parameters<typeof balancer.place>[0];
  let count = 0;
  return () => {
    const startMs = nowMs();
    const index = count++;
    const { requestId, clientAddress } = pick(requests, index);
    const traceparent = isSampled ? pick(traces, index) : undefined;
    const head = pick(heads, index);
    const record = new RequestRecord(telemetry, {
      requestId,
      method: 'POST',
      path: '/v1/chat/completions',
      route: '/v1/chat/completions',
      startMs,
      receivedMs: startMs,
      headers: { host: 'fairlead.example:8080', 'user-agent': 'OpenAI/JS 6.0.0', traceparent },
      clientAddress,
      httpVersion: '1.1',
      bytesIn: 1024,
    });
    record.call(
      { operation: 'chat', model: 'skiff', namespace: 'models', stream: true },
      { bytes: head, parameters: () => parameters },
    );
    balancer.place(asked, 'PrefixAware', []);
    record.attemptStarted({ model: 'skiff', ...pick(replicas, index), ...placed });
    record.data(head);
    for (let chunk = 0; chunk < 10; chunk++) record.data(middle);
    record.data(pick(tails, index));
    record.attemptEnded({ outcome: 'ok', statusCode: 200 });
    record.end({ status: 200, bytesOut: 2400 });
  };
}
