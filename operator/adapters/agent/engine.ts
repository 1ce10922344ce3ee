import type { Served } from './converge.ts';

/** vLLM's calls for adapters at run time, on the loopback of the pod. */
export interface AdapterEngine {
  /** What it serves beside the model. @throws Error while it does not answer */
  served(signal: AbortSignal): Promise<Served[]>;
  /** @throws Error with the engine's words */
  load(adapter: Served, signal: AbortSignal): Promise<void>;
  /** @throws Error with the engine's words */
  unload(name: string, signal: AbortSignal): Promise<void>;
}

interface Card {
  id: string;
  root?: string;
  parent?: string | null;
}

const answerMs = 10_000;
/** Reading and placing an adapter of some gigabytes. */
const loadMs = 300_000;

/** @param origin such as `http://127.0.0.1:8000` */
export function vllmAdapters(origin: string): AdapterEngine {
  const post = async (path: string, body: object, signal: AbortSignal) => {
    const response = await fetch(origin + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(loadMs)]),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(wordsOf(text) || `HTTP ${response.status}`);
  };
  return {
    async served(signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
      const response = await fetch(`${origin}/v1/models`, { signal: limit });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const { data } = (await response.json()) as { data: Card[] };
      return data.flatMap(({ id, root = '', parent }) => (parent ? { name: id, path: root } : []));
    },
    // In place, so that a name whose source changed is never missing; nothing else is done to a new name.
    load: ({ name, path }, signal) =>
      post(
        '/v1/load_lora_adapter',
        { lora_name: name, lora_path: path, load_inplace: true },
        signal,
      ),
    unload: (name, signal) => post('/v1/unload_lora_adapter', { lora_name: name }, signal),
  };
}

function wordsOf(text: string): string {
  try {
    const { error, message } = JSON.parse(text) as {
      error?: { message?: string };
      message?: string;
    };
    return error?.message ?? message ?? text;
  } catch {
    return text;
  }
}
