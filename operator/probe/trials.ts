import type { Capability, Findings } from '../../crds/modeldeployment/capabilities.ts';

/** An engine's answer, whatever its status. */
export interface Answer {
  status: number;
  contentType: string;
  body: string;
}

/** One question to an engine, and how its answer is judged. */
export interface Trial {
  path: string;
  body: object;
  /** Of an answer with status 200. */
  works(answer: Answer): boolean;
}

const messages = [{ role: 'user', content: 'Say yes.' }];
const color = {
  type: 'object',
  properties: { color: { type: 'string', enum: ['red'] } },
  required: ['color'],
  additionalProperties: false,
};
const tools = [
  { type: 'function', function: { name: 'paint', description: 'Paints.', parameters: color } },
];
/** Enough for what a schema leaves no choice about, with a tokenizer of single letters. */
const constrainedTokens = 96;
const chat = (rest: object): Pick<Trial, 'path' | 'body'> => ({
  path: '/v1/chat/completions',
  body: { messages, max_tokens: 4, temperature: 0, ...rest },
});
const streamed = { stream: true, max_tokens: 2 };

/** What is asked for each capability. All of them together ask for less than 300 tokens. */
export const trials: Readonly<Record<Capability, Trial>> = {
  chat: {
    ...chat({}),
    works: ({ body }) => choiceOf(body)?.message?.role === 'assistant',
  },
  stream: {
    ...chat(streamed),
    works: ({ contentType, body }) =>
      contentType.startsWith('text/event-stream') &&
      eventsOf(body).some(({ choices }) => choices?.[0]?.delta !== undefined) &&
      /^data: ?\[DONE\]/m.test(body),
  },
  streamUsage: {
    ...chat({ ...streamed, stream_options: { include_usage: true } }),
    works: ({ body }) => Number(eventsOf(body).at(-1)?.usage?.completion_tokens) > 0,
  },
  tools: {
    ...chat({ tools, tool_choice: 'auto' }),
    works: ({ body }) => choiceOf(body)?.message !== undefined,
  },
  requiredTools: {
    ...chat({ tools, tool_choice: 'required', max_tokens: constrainedTokens }),
    works: ({ body }) => isRed(choiceOf(body)?.message?.tool_calls?.[0]?.function?.arguments),
  },
  jsonSchema: {
    ...chat({
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'color', strict: true, schema: color },
      },
      max_tokens: constrainedTokens,
    }),
    works: ({ body }) => isRed(choiceOf(body)?.message?.content),
  },
  logprobs: {
    ...chat({ logprobs: true, top_logprobs: 1, max_tokens: 1 }),
    works: ({ body }) => typeof choiceOf(body)?.logprobs?.content?.[0]?.logprob === 'number',
  },
  responses: {
    path: '/v1/responses',
    // Nothing is to be kept; 16 is the fewest that OpenAI's API allows.
    body: { input: 'Say yes.', max_output_tokens: 16, store: false },
    works: ({ body }) => (parsed(body)?.output?.length ?? 0) > 0,
  },
  messages: {
    path: '/v1/messages',
    body: { messages, max_tokens: 4 },
    works: ({ body }) => (parsed(body)?.content?.length ?? 0) > 0,
  },
  completions: {
    path: '/v1/completions',
    body: { prompt: 'one two', max_tokens: 2, temperature: 0 },
    works: ({ body }) => typeof choiceOf(body)?.text === 'string',
  },
  embeddings: {
    path: '/v1/embeddings',
    body: { input: 'one' },
    works: ({ body }) => (parsed(body)?.data?.[0]?.embedding?.length ?? 0) > 0,
  },
  rerank: {
    path: '/v1/rerank',
    body: { query: 'one', documents: ['two', 'three'] },
    works: ({ body }) => (parsed(body)?.results?.length ?? 0) > 0,
  },
  score: {
    path: '/v1/score',
    body: { text_1: 'one', text_2: 'two' },
    works: ({ body }) => (parsed(body)?.data?.length ?? 0) > 0,
  },
};

/** What answers are made of, as far as it is read. */
interface Body {
  choices?: Choice[];
  usage?: { completion_tokens?: number } | null;
  output?: unknown[];
  content?: unknown[];
  data?: { embedding?: unknown[] }[];
  results?: unknown[];
}
interface Choice {
  text?: string;
  delta?: object;
  message?: {
    role?: string;
    content?: string | null;
    tool_calls?: { function?: { arguments?: string } }[];
  };
  logprobs?: { content?: { logprob?: number }[] } | null;
}

/** An engine as it is tried. */
export interface TriedEngine {
  /** Sends a body to a path. @throws Error when there is no answer that says anything */
  ask(path: string, body: object): Promise<Answer>;
  /** Whether it says that it is well. */
  isWell(): Promise<boolean>;
}

/** How a trial may end without an answer that says something. */
export class TrialFailed extends Error {
  override name = 'TrialFailed';
  /** What was asked, when the engine is not well after it. */
  readonly broke: Capability | undefined;

  constructor(cause: unknown, broke?: Capability) {
    super(cause instanceof Error ? cause.message : String(cause));
    this.broke = broke;
  }
}

/**
 * Asks one thing after another, so that a replica never has more than one of them to do, and nothing after one
 * that it is not well from: what a broken engine answers says nothing of what it can.
 * @param wanted what to try; what `findings` has already is left out
 * @param findings grows as it goes
 * @throws TrialFailed
 */
export async function tryAll(
  wanted: readonly Capability[],
  findings: Findings,
  model: string,
  engine: TriedEngine,
): Promise<void> {
  if (!(await engine.isWell())) throw new TrialFailed(new Error('the engine is not well'));
  for (const capability of wanted) {
    if (capability in findings) continue;
    const { path, body, works } = trials[capability];
    let answer: Answer;
    try {
      answer = await engine.ask(path, { model, ...body });
    } catch (error) {
      throw new TrialFailed(error, (await engine.isWell()) ? undefined : capability);
    }
    findings[capability] = answer.status === 200 && works(answer);
    if (answer.status >= 500 && !(await engine.isWell()))
      throw new TrialFailed(new Error(`${capability} brought the engine down`));
  }
}

function parsed(text: string | null | undefined): Body | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null ? (value as Body) : undefined;
  } catch {
    return undefined;
  }
}

function choiceOf(text: string): Choice | undefined {
  return parsed(text)?.choices?.[0];
}

/** The events of a stream that are JSON. */
function eventsOf(text: string): Body[] {
  return [...text.matchAll(/^data: ?(\{.*)$/gm)].flatMap(([, data]) => parsed(data) ?? []);
}

function isRed(json: string | null | undefined): boolean {
  return (parsed(json) as { color?: string } | undefined)?.color === 'red';
}
