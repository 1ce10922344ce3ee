import type OpenAI from 'openai';

/** One request as its client saw it. */
export interface LoggedRequest {
  startedAt: string;
  endedAt: string;
  /** `whole`: every token asked for, the finish reason and the end of the stream came; else the error's code first. */
  outcome: 'whole' | string;
}

/** Clients that ask without pause. */
export interface Traffic {
  /** What has ended so far, in order. */
  log: readonly LoggedRequest[];
  /** Lets what is open end, and returns the log. */
  stop(): Promise<readonly LoggedRequest[]>;
}

/**
 * Starts clients that stream answers of a known length, one after another, with the SDK's retries off: what
 * is not whole is in the log, with what went wrong.
 */
export function startTraffic(
  openai: OpenAI,
  { model, clients, tokens }: { model: string; clients: number; tokens: number },
): Traffic {
  const log: LoggedRequest[] = [];
  let over = false;
  const client = async (): Promise<void> => {
    while (!over) {
      const startedAt = new Date().toISOString();
      const outcome = await askOnce(openai, { model, tokens });
      log.push({ startedAt, endedAt: new Date().toISOString(), outcome });
    }
  };
  const running = Promise.all(Array.from({ length: clients }, client));
  return {
    log,
    async stop() {
      over = true;
      await running;
      return log;
    },
  };
}

/**
 * Streams one answer of a known length, without retries.
 * @param onFirst told of the first event
 * @returns the outcome, as the log has it
 */
export async function askOnce(
  openai: OpenAI,
  asked: { model: string; tokens: number },
  onFirst?: () => void,
): Promise<LoggedRequest['outcome']> {
  try {
    return await ask(openai, asked, onFirst);
  } catch (error) {
    const { code } = error as { code?: string | null };
    return `${code ?? 'no code'}: ${error}`;
  }
}

async function ask(
  openai: OpenAI,
  { model, tokens }: { model: string; tokens: number },
  onFirst?: () => void,
): Promise<string> {
  const endless = { ignore_eos: true };
  const stream = await openai.chat.completions.create(
    {
      model,
      messages: [{ role: 'user', content: 'Tell me a long story.' }],
      max_tokens: tokens,
      stream: true,
      stream_options: { include_usage: true },
      ...endless,
    },
    { maxRetries: 0 },
  );
  let finishReason: string | undefined;
  let outputTokens = 0;
  for await (const chunk of stream) {
    onFirst?.();
    finishReason = chunk.choices[0]?.finish_reason ?? finishReason;
    outputTokens = chunk.usage?.completion_tokens ?? outputTokens;
  }
  if (finishReason === 'length' && outputTokens === tokens) return 'whole';
  return `ended with ${finishReason} after ${outputTokens} tokens`;
}
