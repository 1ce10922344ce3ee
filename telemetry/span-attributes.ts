import {
  type AttributeDefinition,
  type AttributesOf,
  type attemptSpan,
  operationSpan,
  type Profile,
  type serverSpan,
} from './contract/spans.ts';
import { otherValue, providerName } from './contract/values.ts';
import type { AttemptTarget, ModelCall, RequestEnd, RequestStart } from './request-events.ts';
import type { RequestSummary } from './request-telemetry.ts';

/** What the GenAI span can carry. */
export type OperationAttributes = AttributesOf<typeof operationSpan>;

/** The methods that HTTP and PATCH's RFC define; others must not make names of their own. */
const knownMethods = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'],
]);

/** Name of the SERVER span. */
export function serverName({ method, route }: RequestStart): string {
  const known = knownMethods.has(method) ? method : 'HTTP';
  return route === otherValue ? known : `${known} ${route}`;
}

/** Attributes of the SERVER span, at its end. */
export function serverAttributes(
  start: RequestStart,
  end: RequestEnd,
  errorType: string | undefined,
): AttributesOf<typeof serverSpan> {
  const { method, route, headers } = start;
  const isKnown = knownMethods.has(method);
  const { host, 'user-agent': userAgent } = headers;
  const [address, port] = typeof host === 'string' ? splitHost(host) : [];
  return {
    'http.request.method': isKnown ? method : otherValue,
    'http.request.method_original': isKnown ? undefined : method,
    'url.path': start.path,
    'url.scheme': 'http',
    'http.route': route === otherValue ? undefined : route,
    'http.response.status_code': end.status > 0 ? end.status : undefined,
    // By the HTTP conventions a 4xx alone is no error of the server's.
    'error.type': end.status < 500 ? end.errorType : errorType,
    'server.address': address,
    'server.port': port,
    'client.address': start.clientAddress,
    'user_agent.original': typeof userAgent === 'string' ? userAgent : undefined,
    'network.protocol.version': start.httpVersion,
    'fairlead.request.id': start.requestId,
  };
}

/** `host:port`, where the host may be an IPv6 address in brackets and the port may be absent. */
function splitHost(host: string): [string, number | undefined] {
  const [, address = host, port] = /^(.*?)(?::(\d{1,5}))?$/.exec(host) ?? [];
  return [address, port === undefined ? undefined : Number(port)];
}

/** Name of the GenAI span. */
export function operationName({ operation, model }: ModelCall): string {
  return model === undefined ? operation : `${operation} ${model}`;
}

/** Attributes of the GenAI span that a sampler may want, at its start. */
export function operationStart(
  call: ModelCall,
  parameters: OperationAttributes | undefined,
  profile: Profile,
): OperationAttributes {
  return {
    ...parameters,
    ...(profile === 'latest' ? undefined : withoutLatest),
    'gen_ai.operation.name': call.operation,
    'gen_ai.provider.name': providerName,
    'gen_ai.request.model': call.model,
    'gen_ai.request.stream': call.stream || undefined,
    'fairlead.model.namespace': call.namespace,
    'fairlead.model.adapter': call.adapter,
  };
}

/** What only the latest conventions have, as absent. */
const withoutLatest: OperationAttributes = Object.fromEntries(
  Object.entries<AttributeDefinition>(operationSpan.attributes).flatMap(([key, { profile }]) =>
    profile === 'latest' ? [[key, undefined]] : [],
  ),
);

/** Attributes of the GenAI span that are known at its end. */
export function operationEnd(summary: RequestSummary, profile: Profile): OperationAttributes {
  const { facts, target, ttftMs, queueMs } = summary;
  return {
    'gen_ai.response.id': facts?.id,
    'gen_ai.response.model': facts?.model,
    'gen_ai.response.finish_reasons': finishReasons(summary, profile),
    'gen_ai.response.time_to_first_chunk': ttftMs === undefined ? undefined : ttftMs / 1000,
    'gen_ai.usage.input_tokens': facts?.inputTokens,
    'gen_ai.usage.output_tokens': facts?.outputTokens,
    'gen_ai.usage.cache_read.input_tokens': facts?.cachedTokens,
    'gen_ai.usage.reasoning.output_tokens': facts?.reasoningTokens,
    'openai.response.service_tier': facts?.serviceTier,
    'openai.response.system_fingerprint': facts?.systemFingerprint,
    'server.address': target?.address,
    'server.port': target?.port,
    'error.type': summary.errorType,
    'fairlead.attempts': summary.attempts,
    'fairlead.queue_wait': queueMs === undefined ? undefined : queueMs / 1000,
    'fairlead.model.fallback': summary.fallbackModel,
    'fairlead.tenant': summary.tenant,
  };
}

/** The latest conventions have `error` in the place of a reason that was expected and did not come. */
function finishReasons({ facts, call, errorType }: RequestSummary, profile: Profile) {
  if (facts?.finishReasons.length) return facts.finishReasons;
  const isCutOff = profile === 'latest' && call?.stream && facts && errorType !== undefined;
  return isCutOff ? ['error'] : undefined;
}

/** Attributes of an attempt's span at its start. @param index how many attempts came before */
export function attemptStart(
  start: RequestStart,
  target: AttemptTarget,
  index: number,
): AttributesOf<typeof attemptSpan> {
  const { address, port } = target;
  return {
    'http.request.method': start.method,
    'url.full': `http://${address}:${port}${start.route}`,
    'server.address': address,
    'server.port': port,
    'http.request.resend_count': index > 0 ? index : undefined,
    'network.protocol.version': '1.1',
    'fairlead.backend.pod': target.pod || undefined,
    'fairlead.backend.namespace': target.namespace,
    'fairlead.backend.runtime': target.runtime,
    'fairlead.backend.revision': target.revision || undefined,
    'fairlead.route.policy': target.policy,
    'fairlead.route.reason': target.reason,
    'fairlead.route.candidates': target.candidates,
    'fairlead.route.prefix_match_ratio': target.prefixMatchRatio,
  };
}
