/**
 * Prompts and completions in the form of the GenAI conventions (gen-ai-input-messages.json and its
 * siblings), for who asks for them by FAIRLEAD_CAPTURE_CONTENT. Of a message only text and tool calls
 * are taken; of a picture or a sound only that there was one.
 */

/** Where content goes: nowhere, onto the GenAI span, or into an event of its own. */
export const contentModes = ['off', 'span', 'event'] as const;
export type ContentMode = (typeof contentModes)[number];

/** Longer answers are captured up to here. */
export const longestCaptureBytes = 256 * 1024;

type Part = Record<string, string>;

/** One message. */
export interface Message {
  role: string;
  parts: Part[];
  finish_reason?: string;
}

/** What a request says. */
export interface InputContent {
  readonly messages: readonly Message[];
  readonly system: readonly Part[];
}

type Json = Record<string, unknown>;

/** Reads a request's body; of one that is no JSON object it takes nothing. */
export function readInput(body: Buffer): InputContent {
  const request = parse(body.toString('utf8'));
  if (!request) return { messages: [], system: [] };
  const { messages, prompt, input, system, instructions } = request;
  const said = messages ?? prompt ?? input;
  const all = Array.isArray(said) ? said : said === undefined ? [] : [said];
  return { messages: all.flatMap(messageOf), system: partsOf(system ?? instructions) };
}

/** Reads an answer, a stream of events or one JSON text. */
export function readOutput(reply: Buffer): Message[] {
  const text = reply.toString('utf8');
  const whole = parse(text);
  if (whole) return answersOf(whole);
  const answers = new Map<number, Message>();
  for (const [, data = ''] of text.matchAll(/^data: ?(\{.*\})\r?$/gm)) {
    const event = parse(data);
    if (event) addEvent(answers, event);
  }
  return [...answers.values()];
}

function parse(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function messageOf(said: unknown): Message[] {
  if (typeof said === 'string') {
    return [{ role: 'user', parts: [{ type: 'text', content: said }] }];
  }
  if (!isObject(said)) return [];
  const { role = 'user', content, tool_call_id: id } = said;
  const parts =
    role === 'tool'
      ? [{ type: 'tool_call_response', id: String(id), result: textOf(content) }]
      : partsOf(content);
  return [{ role: String(role), parts: [...parts, ...callsOf(said.tool_calls)] }];
}

function partsOf(content: unknown): Part[] {
  if (typeof content === 'string') return [{ type: 'text', content }];
  if (!Array.isArray(content)) return [];
  return content
    .filter(isObject)
    .map(({ type, text }) =>
      typeof text === 'string' ? { type: 'text', content: text } : { type: String(type) },
    );
}

function callsOf(calls: unknown): Part[] {
  if (!Array.isArray(calls)) return [];
  return calls.filter(isObject).map(({ id, function: called }) => ({
    type: 'tool_call',
    id: String(id),
    name: String(isObject(called) ? called.name : ''),
    arguments: String(isObject(called) ? called.arguments : ''),
  }));
}

function textOf(content: unknown): string {
  return partsOf(content)
    .map((part) => part.content ?? '')
    .join('');
}

/** Chat and completions have choices, Messages have content, Responses an output of items. */
function answersOf(reply: Json): Message[] {
  if (Array.isArray(reply.choices)) {
    return reply.choices.filter(isObject).map(({ message, text, finish_reason }) => {
      const [answer] = isObject(message) ? messageOf({ role: 'assistant', ...message }) : [];
      const parts = answer?.parts ?? partsOf(text);
      return { role: 'assistant', parts, finish_reason: String(finish_reason) };
    });
  }
  if (Array.isArray(reply.output)) return reply.output.filter(isObject).flatMap(messageOf);
  return reply.content === undefined ? [] : messageOf({ role: 'assistant', ...reply });
}

function addEvent(answers: Map<number, Message>, event: Json): void {
  const { choices, delta, output_index: outputIndex, type } = event;
  for (const choice of Array.isArray(choices) ? choices.filter(isObject) : []) {
    const said = isObject(choice.delta) ? choice.delta.content : choice.text;
    const answer = answerAt(answers, Number(choice.index ?? 0));
    addText(answer, said);
    if (typeof choice.finish_reason === 'string') answer.finish_reason = choice.finish_reason;
  }
  if (type === 'response.output_text.delta') {
    addText(answerAt(answers, Number(outputIndex ?? 0)), delta);
  } else if (type === 'content_block_delta' && isObject(delta)) {
    addText(answerAt(answers, 0), delta.text);
  }
}

function answerAt(answers: Map<number, Message>, index: number): Message {
  const known = answers.get(index);
  if (known) return known;
  const answer: Message = { role: 'assistant', parts: [] };
  answers.set(index, answer);
  return answer;
}

function addText(answer: Message, said: unknown): void {
  if (typeof said !== 'string' || said === '') return;
  const [first] = answer.parts;
  if (first) first.content += said;
  else answer.parts.push({ type: 'text', content: said });
}
