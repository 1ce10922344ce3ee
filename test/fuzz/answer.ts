/** The first final answer among received bytes (latin1). */
export interface FirstAnswer {
  status: number;
  isEventStream: boolean;
  body: string;
  /** Whether its framing came to its end. */
  complete: boolean;
}

/** Reads the first answer, past interim ones (1xx); undefined while its head is not there. */
export function firstAnswer(text: string): FirstAnswer | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = text.slice(0, headEnd);
  const rest = text.slice(headEnd + 4);
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
  if (status < 200) return firstAnswer(rest);
  const isEventStream = /^content-type: *text\/event-stream/im.test(head);
  const known = { status, isEventStream };
  if (status === 204) return { ...known, body: '', complete: true };
  if (/^transfer-encoding: *chunked/im.test(head)) return { ...known, ...unchunked(rest) };
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1]);
  return { ...known, body: rest.slice(0, length), complete: rest.length >= length };
}

function unchunked(text: string): { body: string; complete: boolean } {
  let body = '';
  let at = 0;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return { body, complete: false };
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (size === 0) return { body, complete: text.startsWith('\r\n\r\n', lineEnd) };
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}
