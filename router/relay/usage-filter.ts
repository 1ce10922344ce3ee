/** No event that holds only usage is longer; what is goes on unread. */
const longestHeld = 16 * 1024;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Takes the event out of a stream that the client did not ask for: the one with `usage` and without
 * choices. All other bytes go on as they came. An event that is not complete is held back until it is,
 * or until it is too long to be that one.
 */
export class UsageFilter {
  #held: Buffer = Buffer.alloc(0);
  /** In the middle of an event that is too long. */
  #passing = false;

  /** Takes the next bytes. @returns what may go on now; perhaps nothing */
  take(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    let at = 0;
    /** What goes on begins here; what was taken out lies before. */
    let from = 0;
    const out: Buffer[] = [];
    for (let end = endOfEvent(bytes, 0); end >= 0; end = endOfEvent(bytes, at)) {
      if (!this.#passing && isUsageOnly(bytes.subarray(at, end))) {
        out.push(bytes.subarray(from, at));
        from = end;
      }
      this.#passing = false;
      at = end;
    }
    this.#passing ||= bytes.length - at > longestHeld;
    const until = this.#passing ? withoutLineEnds(bytes, at) : at;
    this.#held = bytes.subarray(until);
    out.push(bytes.subarray(from, until));
    return out.length === 1 && out[0] ? out[0] : Buffer.concat(out);
  }

  /** What was held back, at the end. */
  rest(): Buffer {
    return this.#held;
  }
}

/** Where the event ends, its empty line included; -1: not in these bytes. */
function endOfEvent(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(lineFeed, from); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) {
    if (bytes[at + 1] === lineFeed) return at + 2;
    if (bytes[at + 1] === carriageReturn && bytes[at + 2] === lineFeed) return at + 3;
  }
  return -1;
}

/** The end of these bytes without line ends, which may be the first part of an event's end. */
function withoutLineEnds(bytes: Buffer, from: number): number {
  let end = bytes.length;
  while (end > from && (bytes[end - 1] === lineFeed || bytes[end - 1] === carriageReturn)) end--;
  return end;
}

function isUsageOnly(event: Buffer): boolean {
  if (!event.includes('"usage"')) return false;
  const data = /^data: ?(\{.*\})\s*$/s.exec(event.toString('utf8'))?.[1];
  if (data === undefined) return false;
  try {
    const { choices, usage } = JSON.parse(data);
    return Array.isArray(choices) && choices.length === 0 && typeof usage === 'object' && !!usage;
  } catch {
    return false;
  }
}
