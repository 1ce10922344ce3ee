import type { AttributesOf, operationSpan } from '../../telemetry/contract/spans.ts';
import type { ModelEndpoint } from './endpoints.ts';
import { JsonSyntaxError, scanTopLevel } from './json-scan.ts';

const wanted = [
  ...['n', 'seed', 'top_k', 'temperature', 'top_p', 'frequency_penalty', 'presence_penalty'],
  ...['max_tokens', 'max_completion_tokens', 'max_output_tokens', 'stop', 'stop_sequences'],
  ...['response_format', 'text', 'conversation', 'previous_response_id', 'service_tier'],
  ...['reasoning_effort', 'reasoning'],
];
/** A value above this is no parameter that a span should carry. */
const longestBytes = 4096;

/**
 * The parameters of a request as its span tells them. What is absent or of another type than the API's
 * is left out. Only for requests that are sampled: it scans the body once more.
 * @param body JSON; of any other it tells nothing
 */
export function readParameters(
  { path, modelIn }: ModelEndpoint,
  body: Buffer,
): AttributesOf<typeof operationSpan> {
  const of = modelIn === 'json' ? members(body) : {};
  const choices = int(of.n);
  const tier = text(of.service_tier);
  const { reasoning } = of;
  return {
    'gen_ai.request.choice.count': choices === 1 ? undefined : choices,
    'gen_ai.request.seed': int(of.seed),
    'gen_ai.request.top_k': number(of.top_k),
    'gen_ai.output.type': outputType(path, of),
    'gen_ai.conversation.id': text(of.conversation) ?? text(memberOf(of.conversation, 'id')),
    'gen_ai.request.max_tokens':
      int(of.max_completion_tokens) ?? int(of.max_output_tokens) ?? int(of.max_tokens),
    'gen_ai.request.temperature': number(of.temperature),
    'gen_ai.request.top_p': number(of.top_p),
    'gen_ai.request.frequency_penalty': number(of.frequency_penalty),
    'gen_ai.request.presence_penalty': number(of.presence_penalty),
    'gen_ai.request.stop_sequences': texts(of.stop) ?? texts(of.stop_sequences),
    'gen_ai.request.previous_response.id': text(of.previous_response_id),
    'gen_ai.request.reasoning.level':
      text(of.reasoning_effort) ?? text(memberOf(reasoning, 'effort')),
    'openai.api.type': apiTypes[path],
    'openai.request.service_tier': tier === 'auto' ? undefined : tier,
  };
}

const apiTypes: Readonly<Record<string, string>> = {
  '/v1/chat/completions': 'chat_completions',
  '/v1/responses': 'responses',
};

const outputs: Readonly<Record<string, string>> = {
  '/v1/audio/speech': 'speech',
  '/v1/images/generations': 'image',
  '/v1/images/edits': 'image',
};

function outputType(path: string, of: Record<string, unknown>): string | undefined {
  const format =
    memberOf(of.response_format, 'type') ?? memberOf(memberOf(of.text, 'format'), 'type');
  const asked = text(format);
  if (asked === undefined) return outputs[path];
  return asked.startsWith('json') ? 'json' : 'text';
}

function members(body: Buffer): Record<string, unknown> {
  try {
    const found = scanTopLevel(body, wanted) ?? new Map();
    const short = [...found].filter(([, { start, end }]) => end - start <= longestBytes);
    return Object.fromEntries(
      short.map(([key, { start, end }]) => [key, JSON.parse(body.toString('utf8', start, end))]),
    );
  } catch (error) {
    if (error instanceof JsonSyntaxError) return {};
    throw error;
  }
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function int(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? (value as number) : undefined;
}

function texts(value: unknown): string[] | undefined {
  if (typeof value === 'string') return [value];
  const isTexts = Array.isArray(value) && value.every((one) => typeof one === 'string');
  return isTexts && value.length > 0 ? value : undefined;
}
