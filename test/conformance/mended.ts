import { isDeepStrictEqual } from 'node:util';
import type { Mended } from './compare.ts';

/** What the router answers with, whatever the upstream does: its status and words of its message. */
const refused =
  (status: number, message: RegExp) =>
  (_direct: unknown, routed: unknown): boolean =>
    statusOf(routed) === status && message.test(JSON.stringify(routed));

/** A verdict of a suite that follows from one of the mendings. */
const verdicts =
  (direct: unknown, routed: unknown) =>
  (seenDirect: unknown, seenRouted: unknown): boolean =>
    isDeepStrictEqual(seenDirect, direct) && isDeepStrictEqual(seenRouted, routed);

/**
 * The checks whose outcome the router changes on purpose. A rule that meets no check on any upstream
 * is out of date; a check that differs and meets no rule is a bug of the router.
 */
export const mended: readonly Mended[] = [
  {
    why: 'A model that does not exist is 404 `model_not_found`; some engines answer for any name.',
    checks: /unknown model|retrieve unknown|of an unknown model/,
    accepts: refused(404, /The model `no\/such-model` does not exist/),
  },
  {
    why: 'A request without a model, or with one that is no string, is 400 `model_required`.',
    checks: /without model|model of a wrong type/,
    accepts: refused(400, /model parameter/),
  },
  {
    why: 'A body that is no JSON object is 400 `invalid_json`, in the shape of the dialect.',
    checks: /bad JSON|empty body|an array/,
    accepts: refused(400, /The body (is not valid JSON|must be a JSON object)/),
  },
  {
    why: 'What a model does not offer is 400 `feature_not_supported`, naming what it offers.',
    checks: /audio|images|rerank|embeddings|tokenize|completions|responses/,
    accepts: (direct, routed) =>
      (statusOf(direct) ?? 0) >= 400 && refused(400, /does not offer/)(direct, routed),
  },
  {
    why: 'The suite takes an error in OpenAI’s shape for an endpoint that is there.',
    checks: /^surface (images|audio|completions|embeddings|messages\/count_tokens)/,
    accepts: verdicts(false, true),
  },
  {
    why: 'The suite takes an error in OpenAI’s shape for an endpoint that is there.',
    checks: /^engine (images|audio|completions|embeddings|messages\/count_tokens)/,
    accepts: (direct, routed) =>
      fieldOf(direct, 'outcome') === 'unsupported' && fieldOf(routed, 'outcome') !== 'pass',
  },
  {
    why: 'The router lists every model it serves, and shows each under its name.',
    checks: /^models\.list$/,
    accepts: verdicts(false, true),
  },
  {
    why: 'The router lists every model it serves, and shows each under its name.',
    checks: /^models\.retrieve$/,
    accepts: (direct, routed) =>
      statusOf(direct) === 404 && isDeepStrictEqual(routed, { id: '…', object: 'model' }),
  },
  {
    why: 'The router lists every model it serves, and shows each under its name.',
    checks: /^(engine \/v1\/models: model list|Model discovery)$/,
    accepts: (_direct, routed) =>
      isDeepStrictEqual(routed, { outcome: 'pass', failures: '' }) ||
      fieldOf(routed, 'status') === 'pass',
  },
  {
    why: 'A path that is not served is 404 `not_found`, in OpenAI’s shape.',
    checks: /unknown path/,
    accepts: refused(404, /There is no \/v1\/no\/such\/path here/),
  },
  {
    why: 'A method that is not served is 405 `method_not_allowed`.',
    checks: /by GET/,
    accepts: refused(405, /is not served by GET/),
  },
  {
    why: 'An id of a response that nobody made is 404 `response_not_found`.',
    checks: /^responses retrieve unknown$/,
    accepts: refused(404, /No replica is known to hold a response/),
  },
  {
    why: 'Errors have the dialect’s shape, which the suite misses in the engine’s own.',
    checks: /^engine messages: error/,
    accepts: verdicts(
      { outcome: 'pass', failures: 'messages-error-shape messages-error-type' },
      { outcome: 'pass', failures: 'messages-error-type' },
    ),
  },
  {
    why: 'The router asks for `usage` to count tokens and takes that event out again; vLLM then has its `system_fingerprint` only there. `router.streamUsage: false` leaves the stream alone.',
    checks: /stream/,
    accepts: (direct, routed) =>
      isDeepStrictEqual(withoutFingerprint(direct), withoutFingerprint(routed)),
  },
  {
    why: 'An error whose shape is not the dialect’s gets that shape: same status and message, the engine’s own text under `error.upstream`.',
    checks: /./,
    accepts: isWrapped,
  },
];

function withoutFingerprint(outcome: unknown): unknown {
  return JSON.stringify(outcome)
    .replaceAll(/,"system_fingerprint":("vllm-[^"]*"|null)/g, '')
    .replaceAll(/,\\"system_fingerprint\\":\\"vllm-[^"]*\\"/g, '');
}

/** Same status, and the engine's words whole inside. */
function isWrapped(direct: unknown, routed: unknown): boolean {
  const status = statusOf(direct);
  if (status === undefined || status < 400 || statusOf(routed) !== status) return false;
  const text = JSON.stringify(routed);
  const message = /"message\\*":\s*\\*"(.*?)\\*"/.exec(JSON.stringify(errorBodyOf(direct)))?.[1];
  return text.includes('upstream') && message !== undefined && text.includes(message);
}

/** The wire tells a status beside the body, client libraries in their error. */
function statusOf(outcome: unknown): number | undefined {
  const status = fieldOf(fieldOf(outcome, 'error') ?? outcome, 'status');
  return typeof status === 'number' ? status : undefined;
}

function errorBodyOf(outcome: unknown): unknown {
  return fieldOf(outcome, 'body') ?? fieldOf(fieldOf(outcome, 'error'), 'body') ?? outcome;
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Record<string, unknown>)[name];
}
