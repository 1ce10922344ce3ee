/** What an OpenAI-shaped reply tells about itself. Absent: the engine did not say. */
export interface ReplyFacts {
  id?: string;
  model?: string;
  finishReasons: string[];
  inputTokens?: number;
  outputTokens?: number;
  cachedTokens?: number;
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

/**
 * Finds the facts by their keys. Inside of a JSON string a quote is escaped, so `"usage":` as bytes is
 * never part of what a model said.
 * @param head the reply's first bytes as latin1; `tail` its last ones, the two may overlap
 */
export function readFacts(head: string, tail: string): ReplyFacts {
  const facts: ReplyFacts = {
    finishReasons: [...tail.matchAll(/"finish_reason":\s*"([\w-]{1,40})"/g)].map(([, reason]) =>
      String(reason),
    ),
  };
  const id = (/"id":\s*"([^"\\]{1,200})"/.exec(head) ??
    /"id":\s*"([^"\\]{1,200})"/.exec(tail))?.[1];
  if (id !== undefined) facts.id = id;
  const model = /"model":\s*"([^"\\]{1,200})"/.exec(head)?.[1];
  if (model !== undefined) facts.model = model;
  readTokens(head, tail, facts);
  return facts;
}

function readTokens(head: string, tail: string, facts: ReplyFacts): void {
  const usage = objectAt(tail, '"usage":') ?? objectAt(head, '"usage":');
  const timings = usage ? undefined : objectAt(tail, '"timings":');
  const tokens = (from: string | undefined, key: string): number | undefined => {
    const digits = from && new RegExp(`"${key}":\\s*(\\d{1,12})`).exec(from)?.[1];
    return digits ? Number(digits) : undefined;
  };
  const set = (key: 'inputTokens' | 'outputTokens' | 'cachedTokens', value?: number) => {
    if (value !== undefined) facts[key] = value;
  };
  if (timings) {
    // llama.cpp ends each stream with its timings, also when the client asked for no usage.
    const cached = tokens(timings, 'cache_n');
    set('cachedTokens', cached);
    set('inputTokens', (tokens(timings, 'prompt_n') ?? 0) + (cached ?? 0));
    set('outputTokens', tokens(timings, 'predicted_n'));
    return;
  }
  set('inputTokens', tokens(usage, 'prompt_tokens') ?? tokens(usage, 'input_tokens'));
  set('outputTokens', tokens(usage, 'completion_tokens') ?? tokens(usage, 'output_tokens'));
  set('cachedTokens', tokens(usage, 'cached_tokens'));
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
