import { type Dispatcher, request } from 'undici';
import type { TriedEngine } from './trials.ts';

/** Longer than an answer of a hundred tokens takes on a processor. */
const answerMs = 60_000;
const healthMs = 10_000;
const mostBytes = 1_048_576;
/** Overloaded, or something between us and the engine. */
const passing = [408, 429, 502, 503, 504];

/**
 * An engine that is asked over HTTP.
 * @param origin such as `http://10.0.0.7:8000`
 */
export function engineAt(
  origin: string,
  healthPath: string,
  { dispatcher, signal }: { dispatcher: Dispatcher; signal: AbortSignal },
): TriedEngine {
  const limit = (ms: number) => AbortSignal.any([signal, AbortSignal.timeout(ms)]);
  return {
    async ask(path, json) {
      const { statusCode, headers, body } = await request(origin + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(json),
        dispatcher,
        signal: limit(answerMs),
      });
      const text = await textOf(body);
      if (passing.includes(statusCode)) throw new Error(`${path}: HTTP ${statusCode}`);
      return {
        status: statusCode,
        contentType: String(headers['content-type'] ?? ''),
        body: text,
      };
    },
    async isWell() {
      try {
        const options = { dispatcher, signal: limit(healthMs) };
        const { statusCode, body } = await request(origin + healthPath, options);
        await body.dump();
        return statusCode === 200;
      } catch {
        return false;
      }
    },
  };
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
