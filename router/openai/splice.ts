import type { ValueSpan } from './json-scan.ts';

/** How a body is written, as far as it tells the model. */
export type Framing = 'json' | 'multipart';

/**
 * Puts another model's name into a body. All other bytes stay what they were.
 * @param span where the name stands: a JSON value with its quotes, or a multipart field's value
 * @param name without line ends
 */
export function spliceModel(body: Buffer, span: ValueSpan, framing: Framing, name: string): Buffer {
  const value = Buffer.from(framing === 'json' ? JSON.stringify(name) : name);
  return Buffer.concat([body.subarray(0, span.start), value, body.subarray(span.end)]);
}
