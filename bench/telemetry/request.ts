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

const head = Buffer.from(
  'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"skiff","system_fingerprint":"b1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n',
);
const middle = Buffer.from(
  'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"skiff","system_fingerprint":"b1","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}\n\n',
);
const tail = Buffer.from(
  'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":120,"completion_tokens":12,"prompt_tokens_details":{"cached_tokens":96}}}\n\ndata: [DONE]\n\n',
);
const replica = {
  pod: 'skiff-7d9f5c-0',
  namespace: 'models',
  runtime: 'vllm',
  revision: '7d9f5c',
  address: '10.1.2.3',
  port: 8000,
};
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
 */
export function tellingOf({ metrics, accessLog, tracing }: Signals): (headers: object) => void {
  const nowMs = () => performance.now();
  const telemetry = new RequestTelemetry({ metrics, accessLog, tracing, nowMs });
  const placement = { ...placed, prefix: { units: 40, matchedUnits: 32 } };
  // Only place() is called.
  const inner = { place: () => placement } as unknown as Parameters<typeof metered>[0];
  const balancer = metered(inner, metrics, nowMs);
  const asked = { model: 'skiff' } as Parameters<typeof balancer.place>[0];
  return (headers) => {
    const startMs = nowMs();
    const record = new RequestRecord(telemetry, {
      requestId: 'req_0123456789abcdef',
      method: 'POST',
      path: '/v1/chat/completions',
      route: '/v1/chat/completions',
      startMs,
      receivedMs: startMs,
      headers: { host: 'fairlead.example:8080', 'user-agent': 'OpenAI/JS 6.0.0', ...headers },
      clientAddress: '10.9.8.7',
      httpVersion: '1.1',
      bytesIn: 1024,
    });
    record.call(
      { operation: 'chat', model: 'skiff', namespace: 'models', stream: true },
      { bytes: head, parameters: () => parameters },
    );
    balancer.place(asked, 'PrefixAware', []);
    record.attemptStarted({ model: 'skiff', ...replica, ...placed });
    record.data(head);
    for (let chunk = 0; chunk < 10; chunk++) record.data(middle);
    record.data(tail);
    record.attemptEnded({ outcome: 'ok', statusCode: 200 });
    record.end({ status: 200, bytesOut: 2400 });
  };
}
