import { describe, expect, test } from 'vitest';
import {
  type AttributeDefinition,
  type Level,
  profileOf,
  type SpanDefinition,
  spans,
} from './spans.ts';

/**
 * What the published registry says of the attributes that we emit: type and requirement level on the span
 * in question. From semantic-conventions v1.41.0 (model/http, model/gen-ai, model/openai); where the
 * repository semantic-conventions-genai differs (docs/gen-ai/client-inference.md), that is the third.
 */
type Published = [type: AttributeDefinition['type'], level: Level, latest?: Level];

const http: Record<string, Published> = {
  'http.request.method': ['string', 'required'],
  'http.response.status_code': ['int', 'conditionally_required'],
  'error.type': ['string', 'conditionally_required'],
  'network.protocol.version': ['string', 'recommended'],
};
const httpServer: Record<string, Published> = {
  ...http,
  'http.request.method_original': ['string', 'conditionally_required'],
  'url.path': ['string', 'required'],
  'url.scheme': ['string', 'required'],
  'http.route': ['string', 'conditionally_required'],
  'server.address': ['string', 'recommended'],
  'server.port': ['int', 'conditionally_required'],
  'client.address': ['string', 'recommended'],
  'user_agent.original': ['string', 'recommended'],
};
const httpClient: Record<string, Published> = {
  ...http,
  'url.full': ['string', 'required'],
  'server.address': ['string', 'required'],
  'server.port': ['int', 'required'],
  'http.request.resend_count': ['int', 'recommended'],
};
const inference: Record<string, Published> = {
  'gen_ai.operation.name': ['string', 'required'],
  'gen_ai.provider.name': ['string', 'required'],
  'gen_ai.request.model': ['string', 'conditionally_required'],
  'gen_ai.request.stream': ['boolean', 'conditionally_required'],
  'gen_ai.request.choice.count': ['int', 'conditionally_required'],
  'gen_ai.request.seed': ['int', 'conditionally_required'],
  'gen_ai.request.top_k': ['double', 'recommended', 'conditionally_required'],
  'gen_ai.output.type': ['string', 'conditionally_required'],
  'gen_ai.conversation.id': ['string', 'conditionally_required'],
  'gen_ai.request.max_tokens': ['int', 'recommended'],
  'gen_ai.request.temperature': ['double', 'recommended'],
  'gen_ai.request.top_p': ['double', 'recommended'],
  'gen_ai.request.frequency_penalty': ['double', 'recommended'],
  'gen_ai.request.presence_penalty': ['double', 'recommended'],
  'gen_ai.request.stop_sequences': ['string[]', 'recommended'],
  'gen_ai.response.id': ['string', 'recommended'],
  'gen_ai.response.model': ['string', 'recommended'],
  'gen_ai.response.finish_reasons': ['string[]', 'recommended'],
  'gen_ai.response.time_to_first_chunk': ['double', 'recommended'],
  'gen_ai.usage.input_tokens': ['int', 'recommended'],
  'gen_ai.usage.output_tokens': ['int', 'recommended'],
  'gen_ai.usage.cache_read.input_tokens': ['int', 'recommended'],
  'gen_ai.usage.reasoning.output_tokens': ['int', 'recommended'],
  'openai.api.type': ['string', 'recommended'],
  'openai.request.service_tier': ['string', 'conditionally_required'],
  'openai.response.service_tier': ['string', 'conditionally_required'],
  'openai.response.system_fingerprint': ['string', 'recommended'],
  'server.address': ['string', 'recommended'],
  'server.port': ['int', 'conditionally_required'],
  'error.type': ['string', 'conditionally_required'],
};
const latestOnly: Record<string, Published> = {
  'gen_ai.request.previous_response.id': ['string', 'recommended'],
  'gen_ai.request.reasoning.level': ['string', 'recommended'],
};
/** Of type any there; spans may carry them as JSON. */
const content = ['gen_ai.input.messages', 'gen_ai.output.messages', 'gen_ai.system_instructions'];

const published: [string, SpanDefinition, Record<string, Published>][] = [
  ['SERVER', spans.server, httpServer],
  ['attempt', spans.attempt, httpClient],
  ['GenAI', spans.operation, { ...inference, ...latestOnly }],
];

describe.each(published)('the %s span', (_name, span, registry) => {
  test.each(Object.entries(registry))('has %s as published', (key, [type, level, latest]) => {
    const ours = span.attributes[key];
    expect(ours?.type).toBe(type);
    expect([level, latest]).toContain(ours?.level);
    expect(ours?.profile).toBe(key in latestOnly ? 'latest' : undefined);
  });

  test('has nothing else that is not our own or opt-in', () => {
    for (const [key, { type, level }] of Object.entries(span.attributes)) {
      if (key in registry || key.startsWith('fairlead.')) continue;
      expect(content).toContain(key);
      expect([type, level]).toEqual(['string', 'opt_in']);
    }
  });
});

test('every required attribute of the published HTTP and GenAI spans is in ours', () => {
  for (const [, span, registry] of published) {
    const needed = Object.entries(registry).filter(([, [, level]]) => level === 'required');
    for (const [key] of needed) expect(span.attributes).toHaveProperty([key]);
  }
});

test('the model that was chosen is never in k8s.*, the model asked for not on the SERVER span', () => {
  for (const span of Object.values<SpanDefinition>(spans)) {
    for (const key of Object.keys(span.attributes)) expect(key).not.toMatch(/^k8s\./);
  }
  expect(spans.server.attributes).not.toHaveProperty(['gen_ai.request.model']);
});

test.each<[string | undefined, string]>([
  [undefined, 'v1_41'],
  ['http', 'v1_41'],
  ['gen_ai_latest_experimental', 'latest'],
  ['http,gen_ai_latest_experimental', 'latest'],
])('OTEL_SEMCONV_STABILITY_OPT_IN=%s', (asked, profile) => {
  expect(profileOf({ OTEL_SEMCONV_STABILITY_OPT_IN: asked })).toBe(profile);
});
