import { Agent, type Dispatcher, fetch } from 'undici';

/** One answer as its client saw it. */
export interface Turn {
  readonly ttftMs: number;
  readonly promptTokens: number;
  /** Of these, what the engine took from its prefix cache, as it says in the answer's usage. */
  readonly cachedTokens: number;
}

/** What came of all conversations. */
export interface Talk {
  readonly turns: readonly Turn[];
  /** What became of requests without a whole answer; the conversation goes on without it. */
  readonly failures: readonly string[];
}

/** How many conversations are had, in what shape. */
export interface TalkShape {
  readonly conversations: number;
  readonly atOnce: number;
  readonly turns: number;
  /** Conversations that begin alike. */
  readonly groupSize: number;
}

/**
 * Has conversations of several turns, some at a time.
 * @param address of the OpenAI endpoint, such as `http://127.0.0.1:8080`
 * @param topic makes these prompts unlike those of any other talk
 * @param answered told after each request how many are done
 */
export async function converse(
  address: string,
  model: string,
  topic: string,
  shape: TalkShape,
  answered: (done: number) => void = () => {},
): Promise<Talk> {
  const connections = new Agent();
  const turns: Turn[] = [];
  const failures: string[] = [];
  const left = Array.from({ length: shape.conversations }, (_, id) => id);
  const work = async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      const group = Math.floor(id / shape.groupSize);
      const messages = [{ role: 'system', content: story(`${topic} ${group}`, 900) }];
      for (let turn = 0; turn < shape.turns; turn++) {
        messages.push({ role: 'user', content: story(`${topic} ${id} ${turn}`, 150) });
        const answer = await ask(connections, address, model, messages).catch(String);
        if (typeof answer === 'string') failures.push(answer);
        else turns.push(answer);
        messages.push({ role: 'assistant', content: story(`answer ${id} ${turn}`, 60) });
        answered(turns.length + failures.length);
      }
    }
  };
  await Promise.all(Array.from({ length: shape.atOnce }, work));
  await connections.destroy();
  return { turns, failures };
}

/** Text of a length that is no other's. */
function story(topic: string, length: number): string {
  return `${topic}: the harbour is quiet, and the boats lie at their moorings. `
    .repeat(Math.ceil(length / 40))
    .slice(0, length);
}

async function ask(
  dispatcher: Dispatcher,
  address: string,
  model: string,
  messages: readonly object[],
): Promise<Turn> {
  const startMs = performance.now();
  const response = await fetch(`${address}/v1/chat/completions`, {
    ...{ method: 'POST', dispatcher },
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ model, messages, max_tokens: 4, stream: true },
      stream_options: { include_usage: true },
    }),
  });
  let ttftMs = 0;
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    ttftMs ||= performance.now() - startMs;
    text += decoder.decode(chunk, { stream: true });
  }
  const count = (key: string) => Number(new RegExp(`"${key}":(\\d+)`).exec(text)?.[1]);
  const [promptTokens, cachedTokens] = [count('prompt_tokens'), count('cached_tokens')];
  if (!response.ok || !text.includes('[DONE]') || Number.isNaN(promptTokens)) {
    throw new Error(`no whole answer (status ${response.status}): ${text.slice(-300)}`);
  }
  // vLLM says nothing of cached tokens when there are none.
  return { ttftMs, promptTokens, cachedTokens: cachedTokens || 0 };
}
