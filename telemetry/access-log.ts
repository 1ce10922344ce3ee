import type { AccessLogLine } from './contract/log.ts';
import type { RequestSummary } from './request-telemetry.ts';

/** The line of the access log about a request. Never a prompt, a completion or a key. */
export function logLine(summary: RequestSummary): AccessLogLine {
  const { start, end, call, target, facts, ids } = summary;
  return {
    trace_id: ids?.traceId,
    span_id: ids?.spanId,
    request_id: start.requestId,
    method: start.method,
    route: start.route,
    status: end.status,
    outcome: summary.outcome,
    error_type: summary.errorType,
    stream: call?.stream,
    model: call?.model,
    fallback_model: summary.fallbackModel,
    response_model: facts?.model,
    adapter: call?.adapter,
    backend_pod: target?.pod || undefined,
    attempts: call && summary.attempts,
    route_policy: target?.policy,
    route_reason: target?.reason,
    queue_ms: roundMs(summary.queueMs),
    ttft_ms: roundMs(summary.ttftMs),
    duration_ms: roundMs(summary.durationMs),
    overhead_ms: call && roundMs(summary.overheadMs),
    input_tokens: facts?.inputTokens,
    cached_tokens: facts?.cachedTokens,
    output_tokens: facts?.outputTokens,
    finish_reasons: facts?.finishReasons.length ? facts.finishReasons : undefined,
    bytes_in: start.bytesIn,
    bytes_out: end.bytesOut,
    tenant: summary.tenant,
  };
}

function roundMs(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 1000) / 1000;
}
