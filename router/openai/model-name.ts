import { JsonSyntaxError, scanTopLevel, type ValueSpan } from './json-scan.ts';

/** What the router reads of a request's body; all else goes to the engine unread. */
export type BodyHead =
  | {
      kind: 'ok';
      model: string;
      /** Where the model's name stands; in JSON with its quotes. */
      modelSpan: ValueSpan;
      stream: boolean;
      /** The response that this request continues. */
      previousResponseId?: string;
      /** Where the value of `stream_options` stands. */
      streamOptionsSpan?: ValueSpan;
      /** Where the prompt stands: its parts in the order in which engines render them. */
      promptSpans?: readonly ValueSpan[];
      /** What ties requests of one conversation together. */
      sessionKey?: string;
    }
  | { kind: 'malformed'; reason: string }
  | { kind: 'no_model' }
  | { kind: 'model_not_a_string' };

/** Members that make up the prompt, in the order in which chat templates render them. */
const promptMembers = ['system', 'instructions', 'tools', 'messages', 'prompt', 'input'] as const;
const wanted = [
  'model',
  'stream',
  'stream_options',
  'previous_response_id',
  'prompt_cache_key',
  'user',
  ...promptMembers,
] as const;
const quote = 0x22;

/**
 * Reads the few members that the router needs of a JSON body by a scan of its bytes: top-level keys
 * only, escapes resolved, the last of duplicates as JSON.parse has it.
 * @param body UTF-8; unchanged
 */
export function readJsonHead(body: Buffer): BodyHead {
  let found: ReturnType<typeof scanTopLevel<(typeof wanted)[number]>>;
  try {
    found = scanTopLevel(body, wanted);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return { kind: 'malformed', reason: `The body is ${error.message}.` };
  }
  if (!found) return { kind: 'malformed', reason: 'The body must be a JSON object.' };
  const modelSpan = found.get('model');
  if (!modelSpan) return { kind: 'no_model' };
  const model = stringAt(body, modelSpan);
  if (model === undefined) return { kind: 'model_not_a_string' };
  const streamSpan = found.get('stream');
  const stream = streamSpan !== undefined && body[streamSpan.start] === 0x74;
  const streamOptionsSpan = found.get('stream_options');
  const promptSpans = promptMembers.flatMap((member) => found.get(member) ?? []);
  const sessionKey =
    stringAt(body, found.get('prompt_cache_key')) ?? stringAt(body, found.get('user'));
  const previousResponseId = stringAt(body, found.get('previous_response_id'));
  return {
    ...{ kind: 'ok', model, modelSpan, stream },
    ...(previousResponseId !== undefined && { previousResponseId }),
    ...(streamOptionsSpan && { streamOptionsSpan }),
    ...(promptSpans.length > 0 && { promptSpans }),
    ...(sessionKey !== undefined && { sessionKey }),
  };
}

function stringAt(body: Buffer, span: ValueSpan | undefined): string | undefined {
  if (!span || body[span.start] !== quote) return undefined;
  return String(JSON.parse(body.toString('utf8', span.start, span.end)));
}
