import type { IncomingHttpHeaders } from 'node:http';

/**
 * The key that a request presents: `Authorization: Bearer …` as OpenAI's clients send it, or
 * `x-api-key` as Anthropic's do; undefined: none.
 */
export function presentedKey(headers: IncomingHttpHeaders): string | undefined {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const key = headers['x-api-key'];
  return typeof key === 'string' && key !== '' ? key : undefined;
}
