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
    }
  | { kind: 'malformed'; reason: string }
  | { kind: 'no_model' }
  | { kind: 'model_not_a_string' };

const wanted = ['model', 'stream', 'stream_options', 'previous_response_id'] as const;
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
  const previousResponseId = stringAt(body, found.get('previous_response_id'));
  return {
    ...{ kind: 'ok', model, modelSpan, stream },
    ...(previousResponseId !== undefined && { previousResponseId }),
    ...(streamOptionsSpan && { streamOptionsSpan }),
  };
}

function stringAt(body: Buffer, span: ValueSpan | undefined): string | undefined {
  if (!span || body[span.start] !== quote) return undefined;
  return String(JSON.parse(body.toString('utf8', span.start, span.end)));
}
