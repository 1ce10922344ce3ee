import { type Dispatcher, request } from 'undici';
import type { Answer } from './trials.ts';

/** The replica gave no answer that says anything of what it can. */
export class Inconclusive extends Error {
  override name = 'Inconclusive';
}

/** Longer than an answer of a hundred tokens takes on a processor. */
const answerMs = 60_000;
const mostBytes = 1_048_576;
/** Overloaded, or something between us and the engine. */
const passing = [408, 429, 502, 503, 504];

/**
 * Posts JSON to an engine.
 * @param origin such as `http://10.0.0.7:8000`
 * @throws Inconclusive when there is no answer within a minute, or one that may be another the next time
 */
export async function ask(
  origin: string,
  path: string,
  json: object,
  options: { dispatcher: Dispatcher; signal: AbortSignal },
): Promise<Answer> {
  const { dispatcher, signal } = options;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
  try {
    const { statusCode, headers, body } = await request(origin + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(json),
      dispatcher,
      signal: limit,
    });
    const text = await textOf(body);
    if (passing.includes(statusCode)) throw new Inconclusive(`${path}: HTTP ${statusCode}`);
    return { status: statusCode, contentType: String(headers['content-type'] ?? ''), body: text };
  } catch (error) {
    if (error instanceof Inconclusive) throw error;
    throw new Inconclusive(`${path}: ${error instanceof Error ? error.message : error}`);
  }
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Inconclusive('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
