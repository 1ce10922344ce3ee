import type { ValueSpan } from './json-scan.ts';
import type { BodyHead } from './model-name.ts';

const headEnd = Buffer.from('\r\n\r\n');
/** A part's headers are a few lines; longer ones are no form of any client. */
const longestHeadBytes = 16 * 1024;
/** A model's name is short; so is `true`. */
const longestValueBytes = 1024;
/** As many as Python's readers take. */
const mostParts = 1_000;
const broken = 'does not follow its boundary to the end';
/** RFC 2046, 5.1.1: 1 to 70 characters, the last of them no space. */
const boundaryPattern =
  /;\s*boundary=(?:"([\w'()+,./:=? -]{0,69}[\w'()+,./:=?-])"|([\w'+.-]{1,70}))\s*(?:;|$)/i;

/** `; name=value`, the value quoted or not, directly behind the one before. */
const parameter = /\s*;\s*([\w*-]+)=(?:"([^"]*)"|([^\s;"]*))/gy;

/** The boundary of a multipart/form-data body; undefined: the header is of another kind, or has none. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  if (contentType === undefined || !/^\s*multipart\/form-data\s*;/i.test(contentType)) {
    return undefined;
  }
  const [, quoted, token] = boundaryPattern.exec(contentType) ?? [];
  return quoted ?? token;
}

/**
 * Reads the fields `model` and `stream` of a multipart/form-data body (RFC 7578), wherever they stand,
 * from delimiter to delimiter; files are skipped unread. Two fields `model` are refused, because engines
 * differ in which one they take.
 * @param body unchanged
 */
export function readMultipartHead(body: Buffer, boundary: string): BodyHead {
  const parts = partsOf(body, boundary);
  if (typeof parts === 'string') return malformed(parts);
  let modelSpan: ValueSpan | undefined;
  let stream = false;
  for (const { head, span } of parts) {
    const disposition = dispositionOf(head);
    const name = disposition.get('name');
    if (name === 'model') {
      if (modelSpan) return malformed('has the field model twice');
      modelSpan = span;
      if (
        disposition.has('filename') ||
        disposition.has('filename*') ||
        span.end - span.start > longestValueBytes
      ) {
        return { kind: 'model_not_a_string' };
      }
    } else if (name === 'stream') {
      stream = /^(?:true|1)$/i.test(
        body.toString('latin1', span.start, Math.min(span.end, span.start + 5)),
      );
    }
  }
  if (!modelSpan) return { kind: 'no_model' };
  const model = body.toString('utf8', modelSpan.start, modelSpan.end);
  return { kind: 'ok', model, modelSpan, stream };
}

interface Part {
  /** Header lines as latin1. */
  readonly head: string;
  /** Where its content stands. */
  readonly span: ValueSpan;
}

/** The parts from the first delimiter to the closing one; or what is wrong. */
function partsOf(body: Buffer, boundary: string): Part[] | string {
  const opening = Buffer.from(`--${boundary}`, 'latin1');
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  const parts: Part[] = [];
  // A preamble may precede the first delimiter, which otherwise stands at the very beginning.
  let at = body.subarray(0, opening.length).equals(opening)
    ? opening.length
    : after(body, delimiter, 0);
  while (at !== undefined) {
    const next = body.toString('latin1', at, at + 2);
    if (next === '--') return parts;
    if (parts.length === mostParts) return `has more than ${mostParts} parts`;
    const lineEnd = body.indexOf('\r\n', at);
    // Only white space may stand between the boundary and its line's end.
    if (lineEnd < 0 || !/^[ \t]*$/.test(body.toString('latin1', at, lineEnd))) return broken;
    const window = body.subarray(lineEnd, lineEnd + longestHeadBytes);
    const headLength = window.indexOf(headEnd);
    if (headLength < 0) return broken;
    const start = lineEnd + headLength + headEnd.length;
    // The line end before the delimiter belongs to the delimiter; an empty content shares the head's.
    const end = body.indexOf(delimiter, start - 2);
    if (end < 0) return broken;
    parts.push({
      head: window.toString('latin1', 2, headLength),
      span: { start, end: Math.max(start, end) },
    });
    at = end + delimiter.length;
  }
  return broken;
}

function after(body: Buffer, delimiter: Buffer, from: number): number | undefined {
  const at = body.indexOf(delimiter, from);
  return at < 0 ? undefined : at + delimiter.length;
}

/** The parameters of a part's Content-Disposition, names in lower case, of duplicates the first. */
function dispositionOf(head: string): Map<string, string> {
  const header = /^content-disposition:[ \t]*form-data(.*)$/im.exec(head)?.[1] ?? '';
  const parameters = new Map<string, string>();
  // One after the other: a file's name may hold what looks like a parameter.
  for (const [, name = '', quoted, token = ''] of header.matchAll(parameter)) {
    const key = name.toLowerCase();
    if (!parameters.has(key)) parameters.set(key, quoted ?? token);
  }
  return parameters;
}

function malformed(what: string): BodyHead {
  return { kind: 'malformed', reason: `The multipart body ${what}.` };
}
