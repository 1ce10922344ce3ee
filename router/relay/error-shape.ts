import type { Dialect } from '../openai/dialects.ts';

/** `error.type` in OpenAI's vocabulary for engines that name none. */
function openaiType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 429) return 'rate_limit_error';
  if (status < 500) return 'invalid_request_error';
  return status === 503 ? 'service_unavailable' : 'server_error';
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Brings an engine's error into the shape that clients of the dialect know, where it has another: vLLM's
 * integer codes and, up to 0.9, its flat object; llama.cpp's integer codes; FastAPI's `detail`; Ollama's
 * and TGI's plain strings. The original is kept under `error.upstream`.
 * @param body of an answer with this status, which is 400 or above
 * @returns undefined when the body is as it should be, or says nothing that could be understood
 */
export function reshapedError(status: number, body: string, dialect: Dialect): string | undefined {
  const original = parse(body);
  if (!original) return undefined;
  const isKnown = dialect === 'anthropic' ? isAnthropic(original) : isOpenai(original);
  if (isKnown) return undefined;
  const error = fields(original.error) ?? original;
  const message = messageOf(original, error);
  if (message === undefined) return undefined;
  const type = text(error.type) ?? text(original.error_type) ?? openaiType(status);
  if (dialect === 'anthropic') {
    return JSON.stringify({ type: 'error', error: { type, message, upstream: original } });
  }
  const code = typeof error.code === 'number' ? String(error.code) : (text(error.code) ?? null);
  const param = text(error.param) ?? null;
  return JSON.stringify({ error: { message, type, param, code, upstream: original } });
}

function isOpenai({ error }: Fields): boolean {
  const inner = fields(error);
  if (!inner || typeof inner.message !== 'string' || typeof inner.type !== 'string') return false;
  return [inner.code, inner.param].every((value) => value == null || typeof value === 'string');
}

function isAnthropic({ type, error }: Fields): boolean {
  const inner = fields(error);
  return type === 'error' && typeof inner?.type === 'string' && typeof inner.message === 'string';
}

function messageOf(original: Fields, error: Fields): string | undefined {
  const { detail } = original;
  if (Array.isArray(detail)) return detail.map((one) => text(fields(one)?.msg) ?? '').join('; ');
  return text(error.message) ?? text(original.error) ?? text(detail);
}

function parse(body: string): Fields | undefined {
  try {
    return fields(JSON.parse(body));
  } catch {
    return undefined;
  }
}

function fields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
