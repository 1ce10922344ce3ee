/** What an OpenAI-shaped reply tells about itself. Absent: the engine did not say. */
export interface ReplyFacts {
  id?: string;
  model?: string;
  finishReasons: string[];
  inputTokens?: number;
  outputTokens?: number;
  cachedTokens?: number;
  reasoningTokens?: number;
  serviceTier?: string;
  systemFingerprint?: string;
}

/** Enough for the first event, and for `usage` where it stands before a list of embeddings. */
const headBytes = 2048;
/** Enough for the last events, `usage` and finish reasons among them. */
const tailBytes = 8192;

/**
 * Sees a reply's bytes go by and keeps references to the first and last of them, so that nothing is
 * copied or parsed before the reply is complete. Memory: the chunks that hold 2 KiB of head and 8 KiB
 * of tail.
 */
export class ReplySample {
  readonly #head: Buffer[] = [];
  #headLength = 0;
  readonly #tail: Buffer[] = [];
  #tailLength = 0;

  /** Takes the next bytes; they must not be changed afterwards. */
  add(chunk: Buffer): void {
    if (this.#headLength < headBytes) {
      this.#head.push(chunk);
      this.#headLength += chunk.length;
      return;
    }
    this.#tail.push(chunk);
    this.#tailLength += chunk.length;
    while (this.#tail.length > 1 && this.#tailLength - (this.#tail[0]?.length ?? 0) >= tailBytes) {
      this.#tailLength -= this.#tail.shift()?.length ?? 0;
    }
  }

  /** The last bytes, up to `count`, as latin1 text. */
  end(count: number): string {
    const text = latin1(this.#tail, -count);
    return text.length >= count ? text : (latin1(this.#head) + text).slice(-count);
  }

  /** Reads the facts out of what was kept. */
  facts(): ReplyFacts {
    return readFacts(latin1(this.#head, headBytes), this.end(tailBytes));
  }
}

function latin1(chunks: Buffer[], limit = 0): string {
  const all = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
  if (limit > 0) return all.toString('latin1', 0, limit);
  return limit < 0
    ? all.toString('latin1', Math.max(0, all.length + limit))
    : all.toString('latin1');
}

const finishReason = /"finish_reason":\s*"([\w-]{1,40})"/g;
const stopReason = /"stop_reason":\s*"([\w-]{1,40})"/g;

/**
 * Finds the facts by their keys. Inside of a JSON string a quote is escaped, so `"usage":` as bytes is
 * never part of what a model said.
 * @param head the reply's first bytes as latin1; `tail` its last ones, the two may overlap
 */
export function readFacts(head: string, tail: string): ReplyFacts {
  const facts: ReplyFacts = {
    finishReasons: reasonsIn(tail, finishReason),
  };
  // Messages have one reason, under this key; vLLM uses it beside the other for what stopped it.
  if (facts.finishReasons.length === 0) {
    facts.finishReasons = reasonsIn(tail, stopReason);
  }
  const id = (/"id":\s*"([^"\\]{1,200})"/.exec(head) ??
    /"id":\s*"([^"\\]{1,200})"/.exec(tail))?.[1];
  if (id !== undefined) facts.id = id;
  const model = /"model":\s*"([^"\\]{1,200})"/.exec(head)?.[1];
  if (model !== undefined) facts.model = model;
  const serviceTier = /"service_tier":\s*"([\w-]{1,40})"/.exec(head)?.[1];
  if (serviceTier !== undefined) facts.serviceTier = serviceTier;
  const fingerprint = /"system_fingerprint":\s*"([^"\\]{1,200})"/.exec(head)?.[1];
  if (fingerprint !== undefined) facts.systemFingerprint = fingerprint;
  readTokens(head, tail, facts);
  return facts;
}

/** @param pattern a global one; `exec` again and again takes half of what `matchAll` does */
function reasonsIn(text: string, pattern: RegExp): string[] {
  const reasons: string[] = [];
  pattern.lastIndex = 0;
  for (let found = pattern.exec(text); found; found = pattern.exec(text)) {
    reasons.push(found[1] ?? '');
  }
  return reasons;
}

type TokenFact = 'inputTokens' | 'outputTokens' | 'cachedTokens' | 'reasoningTokens';

/** Keys of `usage`, the better first. */
const usageKeys = {
  inputTokens: [tokensBehind('prompt_tokens'), tokensBehind('input_tokens')],
  outputTokens: [tokensBehind('completion_tokens'), tokensBehind('output_tokens')],
  cachedTokens: [tokensBehind('cached_tokens'), tokensBehind('cache_read_input_tokens')],
  reasoningTokens: [tokensBehind('reasoning_tokens')],
} as const satisfies Record<TokenFact, RegExp[]>;
const timingKeys = {
  prompt: tokensBehind('prompt_n'),
  cached: tokensBehind('cache_n'),
  predicted: tokensBehind('predicted_n'),
};

function tokensBehind(key: string): RegExp {
  return new RegExp(`"${key}":\\s*(\\d{1,12})`);
}

function readTokens(head: string, tail: string, facts: ReplyFacts): void {
  const last = objectAt(tail, '"usage":');
  if (last === undefined && readTimings(tail, facts)) return;
  // A stream of messages tells the prompt's tokens at its beginning, the answer's at its end.
  readUsage(last, facts);
  if (facts.inputTokens === undefined) readUsage(objectAt(head, '"usage":'), facts);
}

/** Takes what is not yet known. */
function readUsage(usage: string | undefined, facts: ReplyFacts): void {
  if (usage === undefined) return;
  for (const fact of Object.keys(usageKeys) as TokenFact[]) {
    if (facts[fact] !== undefined) continue;
    for (const key of usageKeys[fact]) {
      const tokens = numberAt(usage, key);
      if (tokens === undefined) continue;
      facts[fact] = tokens;
      break;
    }
  }
}

/** llama.cpp ends each stream with its timings, also when the client asked for no usage. */
function readTimings(tail: string, facts: ReplyFacts): boolean {
  const timings = objectAt(tail, '"timings":');
  if (timings === undefined) return false;
  const cached = numberAt(timings, timingKeys.cached);
  const predicted = numberAt(timings, timingKeys.predicted);
  if (cached !== undefined) facts.cachedTokens = cached;
  facts.inputTokens = (numberAt(timings, timingKeys.prompt) ?? 0) + (cached ?? 0);
  if (predicted !== undefined) facts.outputTokens = predicted;
  return true;
}

function numberAt(text: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The last JSON object behind `key`; of an object cut off by the sample's edge, what is there. */
function objectAt(text: string, key: string): string | undefined {
  for (let at = text.lastIndexOf(key); at >= 0; at = text.lastIndexOf(key, at - 1)) {
    const open = /^\s*\{/.exec(text.slice(at + key.length, at + key.length + 8));
    if (!open) {
      if (at === 0) return undefined;
      continue;
    }
    const start = at + key.length + open[0].length - 1;
    return text.slice(start, endOfObject(text, start));
  }
  return undefined;
}

function endOfObject(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === '{') depth++;
    else if (text[at] === '}' && --depth === 0) return at + 1;
  }
  return text.length;
}
