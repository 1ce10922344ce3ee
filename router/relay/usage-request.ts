import type { Asked } from '../openai/asked.ts';

/** Where engines know `stream_options`. */
const paths = new Set(['/v1/chat/completions', '/v1/completions']);

const wanted = Buffer.from('"stream_options":{"include_usage":true}');
const comma = 0x2c;
const closing = 0x7d;

/**
 * Asks the engine to tell the tokens at the end of a stream, where the client did not.
 * @param path of the endpoint
 * @param body a JSON object with a member `model`; unchanged
 * @param asked where things stand in `body`
 * @returns the longer body, and where the model's name stands in it; undefined when there is nothing to
 *   ask: no stream, no such endpoint, or the client asks by itself
 */
export function withUsage(
  path: string,
  body: Buffer,
  asked: Pick<Asked, 'stream' | 'modelSpan' | 'streamOptionsSpan'>,
): (Pick<Asked, 'modelSpan'> & { body: Buffer }) | undefined {
  if (!asked.stream || !paths.has(path)) return undefined;
  const { streamOptionsSpan: span, modelSpan } = asked;
  if (!span) {
    // Before the object's end, so that nothing before it moves.
    const end = body.lastIndexOf(closing);
    const added = [body.subarray(0, end), Buffer.of(comma), wanted, body.subarray(end)];
    return { body: Buffer.concat(added), modelSpan };
  }
  const options = optionsAt(body, span);
  if (!options || options.include_usage === true) return undefined;
  const value = Buffer.from(JSON.stringify({ ...options, include_usage: true }));
  const shift = value.length - (span.end - span.start);
  return {
    body: Buffer.concat([body.subarray(0, span.start), value, body.subarray(span.end)]),
    modelSpan:
      modelSpan && modelSpan.start > span.start
        ? { start: modelSpan.start + shift, end: modelSpan.end + shift }
        : modelSpan,
  };
}

/** @returns undefined for what is no object: the engine will say what is wrong with it */
function optionsAt(
  body: Buffer,
  { start, end }: { start: number; end: number },
): Record<string, unknown> | undefined {
  const value: unknown = JSON.parse(body.toString('utf8', start, end));
  if (value === null) return {};
  return typeof value === 'object' && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
