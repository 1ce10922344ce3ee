import fc from 'fast-check';

/** A change to some bytes; `at` is a position as a share of their length. */
export interface Mutation {
  kind: 'flip' | 'delete' | 'insert' | 'duplicate' | 'truncate';
  at: number;
  length: number;
  bytes: string;
}

/** One exchange: a mutated request, and the mutated reply that the engine gives if it is reached. */
export interface FuzzCase {
  model: 'alpha' | 'beta/two';
  body: string;
  bodyMutations: Mutation[];
  headMutations: Mutation[];
  framing: 'length' | 'chunked' | 'length and chunked' | 'two lengths' | 'too short' | 'too long';
  header: string;
  pipelined: boolean;
  /** Where the bytes are cut into several writes, as shares. */
  cuts: number[];
  reply: string;
  replyMutations: Mutation[];
  replyCuts: number[];
  /** What the engine does with the connection when it has replied. */
  afterwards: 'keep' | 'end' | 'reset';
}

/** What breaks parsers: framing, JSON's and UTF-8's corners, names of the other model. */
const tokens = [
  ...['"', '\\', '\\u', '\\ud800', '{', '}', '[', ']', ',', ':', '0', '-', '1e999', 'null', 'true'],
  ...[
    '\r\n',
    '\n',
    '\r\n\r\n',
    '\0',
    '\u00ff',
    '\u00c3',
    '\u00ed\u00a0\u0080',
    '\u00f0\u009f',
    ' ',
  ],
  ...[
    '"model":"beta/two",',
    '"model":"alpha",',
    '"mod\\u0065l":"alpha",',
    '"model":',
    'data: ',
    '[DONE]',
  ],
  ...['0\r\n\r\n', 'Transfer-Encoding: chunked\r\n', 'Content-Length: 1\r\n', 'GET / HTTP/1.1\r\n'],
];

const bytes = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...tokens) },
  fc.uint8Array({ maxLength: 6 }).map((values) => Buffer.from(values).toString('latin1')),
);

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('flip', 'delete', 'insert', 'duplicate', 'truncate'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 1, max: 40 }),
  bytes,
});

/** Most are left whole, so that the others are met in all combinations. */
const mutations = (untouched: number) =>
  fc.oneof(
    { weight: untouched, arbitrary: fc.constant<Mutation[]>([]) },
    fc.array(mutation, { minLength: 1, maxLength: 4 }),
  );

const messages = '"messages":[{"role":"user","content":"hi"}]';
const bodies = [
  `{"model":MODEL,${messages}}`,
  `{${messages},"stream":true,"model":MODEL}`,
  `{"model":MODEL,"stream":true,"stream_options":{"include_usage":true},${messages}}`,
  `{"metadata":{"model":"other"},"big":123456789012345678901234567890,"model":MODEL,${messages}}`,
  `{"mod\\u0065l":MODEL,"a":[[[[{"model":"other"}]]]],${messages}}`,
  `{"model":"beta/two","model":MODEL,${messages}}`,
  `{"model":"alpha","a":{"model":"beta/two"},"mod\\u0065l":MODEL,${messages}}`,
  ` \n{ "user" : "\u00c3\u00a9\\ud83d\\ude00" ,\t"model" : MODEL , ${messages} } `,
];

const json =
  '{"id":"x","choices":[{"message":{"content":"hello"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}';
const event = 'data: {"choices":[{"delta":{"content":"x"}}]}\n\n';
const usage = 'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n';
const reply = (status: string, type: string, body: string) =>
  `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (...pieces: string[]) =>
  `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n${pieces
    .map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`)
    .join('')}0\r\n\r\n`;
const replies = [
  reply('200 OK', 'application/json', json),
  chunked(event, event, 'data: [DONE]\n\n'),
  chunked(event.repeat(3) + usage, 'data: [DO', 'NE]\n\n'),
  chunked(event, event),
  reply('400 Bad Request', 'application/json', '{"error":{"message":"no","code":400}}'),
  reply('500 Oops', 'text/plain', 'oops'),
  reply('503 Busy', 'application/json', '{"error":{"message":"busy"}}'),
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n${json}`,
  'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 20\r\n\r\n0123456789',
  '',
  '\u0000\u0001garbage\r\n\r\n',
];

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 });

const fuzzCase: fc.Arbitrary<FuzzCase> = fc.record({
  model: fc.constantFrom('alpha', 'beta/two'),
  body: fc.constantFrom(...bodies),
  bodyMutations: mutations(2),
  headMutations: mutations(8),
  framing: fc.oneof(
    { weight: 12, arbitrary: fc.constant('length' as const) },
    { weight: 4, arbitrary: fc.constant('chunked' as const) },
    fc.constantFrom('length and chunked', 'two lengths', 'too short', 'too long'),
  ),
  header: fc.oneof(
    { weight: 4, arbitrary: fc.constant('') },
    fc.constantFrom(
      'Expect: 100-continue',
      'Connection: close',
      'X-Folded: a\r\n b',
      'Content-Type: x',
    ),
    bytes.map((value) => `X-Odd: ${value}`),
  ),
  pipelined: fc.boolean(),
  cuts,
  reply: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...replies.slice(0, 3)) },
    fc.constantFrom(...replies),
  ),
  replyMutations: mutations(2),
  replyCuts: cuts,
  afterwards: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom('keep' as const, 'end' as const) },
    fc.constant('reset'),
  ),
});

/** The cases of a seed, always the same. */
export function fuzzCases(seed: number, count: number): FuzzCase[] {
  return fc.sample(fuzzCase, { seed, numRuns: count });
}

/** Applies mutations one after the other; text stands for bytes (latin1). */
export function mutate(text: string, mutations: readonly Mutation[]): string {
  return mutations.reduce(mutateOnce, text);
}

function mutateOnce(text: string, { kind, at, length, bytes: extra }: Mutation): string {
  const from = Math.floor(at * text.length);
  const before = text.slice(0, from);
  const piece = text.slice(from, from + length);
  const after = text.slice(from + piece.length);
  switch (kind) {
    case 'flip':
      return before + extra.slice(0, 1) + text.slice(from + 1);
    case 'delete':
      return before + after;
    case 'insert':
      return before + extra + piece + after;
    case 'duplicate':
      return before + piece + piece + after;
    case 'truncate':
      return before;
  }
}

/** Whether both sides say enough that an answer must come without anybody giving up. */
export function mustBeAnswered(fuzzed: FuzzCase): boolean {
  const { headMutations, framing, header, afterwards, replyMutations, reply: text } = fuzzed;
  const sent = headMutations.length === 0 && framing !== 'too long' && !header.startsWith('X-Odd');
  const replied = replyMutations.length === 0 && /Content-Length: \d+|chunked/.test(text);
  return sent && (afterwards !== 'keep' || replied);
}

/** The request's bytes; `index` goes along in a header, so that the engine knows its reply. */
export function requestBytes(fuzzed: FuzzCase, index: number): Buffer {
  const whole = fuzzed.body.replace('MODEL', JSON.stringify(fuzzed.model));
  const body = mutate(whole, fuzzed.bodyMutations);
  const head = [
    'POST /v1/chat/completions HTTP/1.1',
    'Host: router.test',
    'Content-Type: application/json',
    `X-Case: ${index}`,
    ...framingLines(fuzzed.framing, body.length),
    ...(fuzzed.header === '' ? [] : [fuzzed.header]),
  ].join('\r\n');
  const isChunked = fuzzed.framing.includes('chunked');
  const sent = isChunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
  const bytes = mutate(`${head}\r\n\r\n`, fuzzed.headMutations) + sent;
  return Buffer.from(fuzzed.pipelined ? bytes + bytes : bytes, 'latin1');
}

function framingLines(framing: FuzzCase['framing'], length: number): string[] {
  const chunkedLine = 'Transfer-Encoding: chunked';
  switch (framing) {
    case 'length':
      return [`Content-Length: ${length}`];
    case 'chunked':
      return [chunkedLine];
    case 'length and chunked':
      return [`Content-Length: ${length}`, chunkedLine];
    case 'two lengths':
      return [`Content-Length: ${length}`, `Content-Length: ${length + 3}`];
    case 'too short':
      return [`Content-Length: ${Math.max(0, length - 5)}`];
    case 'too long':
      return [`Content-Length: ${length + 5}`];
  }
}

/** Cuts bytes at shares of their length. */
export function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => Math.floor(cut * bytes.length)).sort((a, b) => a - b)];
  return at.map((from, index) => bytes.subarray(from, at[index + 1] ?? bytes.length));
}
