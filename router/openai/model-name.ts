import { JsonSyntaxError, scanTopLevel, type ValueSpan } from './json-scan.ts';

/** What the router reads of a request's body; all else goes to the engine unread. */
export type BodyHead =
  | {
      kind: 'ok';
      model: string;
      /** Where the model's name stands, quotes included. */
      modelSpan: ValueSpan;
      stream: boolean;
    }
  | { kind: 'bad_json'; offset: number }
  | { kind: 'not_an_object' }
  | { kind: 'no_model' }
  | { kind: 'model_not_a_string' };

const wanted = ['model', 'stream'] as const;

/**
 * Reads `model` and `stream` of a JSON body by a scan of its bytes: top-level keys only, escapes
 * resolved, the last of duplicates as JSON.parse has it.
 * @param body UTF-8; unchanged
 */
export function readBodyHead(body: Buffer): BodyHead {
  let found: ReturnType<typeof scanTopLevel<(typeof wanted)[number]>>;
  try {
    found = scanTopLevel(body, wanted);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return { kind: 'bad_json', offset: error.offset };
    throw error;
  }
  if (!found) return { kind: 'not_an_object' };
  const modelSpan = found.get('model');
  if (!modelSpan) return { kind: 'no_model' };
  if (body[modelSpan.start] !== 0x22) return { kind: 'model_not_a_string' };
  const streamSpan = found.get('stream');
  return {
    kind: 'ok',
    model: text(body, modelSpan),
    modelSpan,
    stream: streamSpan !== undefined && body[streamSpan.start] === 0x74,
  };
}

function text(body: Buffer, { start, end }: ValueSpan): string {
  return String(JSON.parse(body.toString('utf8', start, end)));
}
