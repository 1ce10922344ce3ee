import { llamaCppAdapterPaths } from '../openai/resolve.ts';

const opening = 0x7b;
const closing = 0x7d;
/** In front, so that a client can say otherwise: its own member is read later, and the last one counts. */
const cached = Buffer.from('{"cache_prompt":true,');

/**
 * Tells llama.cpp which of its adapters a request is for, and that it may go on from a prompt that it has seen:
 * where a request names its adapters, it knows which prompts those are.
 * @param path of the endpoint
 * @param body a JSON object with a member `model`; unchanged
 * @param ids the replica's adapters by their numbers
 * @param adapter undefined: none of them
 * @returns the longer body; what the client says of `lora` itself does not count
 */
export function withAdapter(
  path: string,
  body: Buffer,
  ids: readonly string[],
  adapter: string | undefined,
): Buffer {
  if (!llamaCppAdapterPaths.has(path)) return body;
  // Those that are not named are off.
  const lora = adapter === undefined ? { id: 0, scale: 0 } : { id: ids.indexOf(adapter), scale: 1 };
  const wanted = Buffer.from(`,"lora":${JSON.stringify([lora])}`);
  const start = body.indexOf(opening) + 1;
  const end = body.lastIndexOf(closing);
  return Buffer.concat([cached, body.subarray(start, end), wanted, body.subarray(end)]);
}
