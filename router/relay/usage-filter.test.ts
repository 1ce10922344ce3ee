import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageFilter } from './usage-filter.ts';

const usage = (end: string) =>
  `data: {"id":"x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}${end}${end}`;

/** Sends a stream through, cut at these places. */
function through(stream: Buffer, cuts: readonly number[]): Buffer {
  const filter = new UsageFilter();
  const out: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), stream.length]) {
    out.push(filter.take(stream.subarray(from, cut)));
    from = Math.max(from, cut);
  }
  return Buffer.concat([...out, filter.rest()]);
}

const event = fc.constantFrom(
  'data: {"choices":[{"delta":{"content":"ü€😀"}}]}',
  'data: {"choices":[{"delta":{"content":"\\"choices\\":[],\\"usage\\":{}"}}],"usage":null}',
  'data: {"choices":[],"prompt_filter_results":[]}',
  'data: {"choices":[{"index":0}],"usage":{"prompt_tokens":1}}',
  'data: {"choices":[],"usage":null}',
  ': ping',
  'event: x\ndata: {"choices":[],"usage":{"prompt_tokens":1}}',
  'data: [DONE]',
  'data: not json "usage"',
  `data: {"usage":"${'x'.repeat(20_000)}","choices":[]}`,
);

test('of any stream, however it is cut, only the usage is missing', () => {
  const part = fc.oneof(event, fc.constant(null));
  const cuts = fc.array(fc.nat(3_000), { maxLength: 30 });
  fc.assert(
    fc.property(fc.array(part), fc.constantFrom('\n', '\r\n'), cuts, (parts, end, places) => {
      const whole = parts.map((one) => (one === null ? usage(end) : `${one}${end}${end}`)).join('');
      const expected = parts.map((one) => (one === null ? '' : `${one}${end}${end}`)).join('');
      const stream = Buffer.from(whole);
      const cutsInside = places.map((place) => place % (stream.length + 1));
      expect(through(stream, cutsInside).toString()).toBe(expected);
    }),
    { numRuns: 300 },
  );
});

test('whole events are passed on at once, in one piece', () => {
  const filter = new UsageFilter();
  const chunk = Buffer.from('data: {"a":1}\n\ndata: {"a":2}\n\n');
  expect(filter.take(chunk).toString()).toBe(chunk.toString());
  expect(filter.take(Buffer.from(`${usage('\n')}data: [DONE]\n\n`)).toString()).toBe(
    'data: [DONE]\n\n',
  );
});

test('an event that breaks off comes out at the end', () => {
  expect(through(Buffer.from('data: {"a":1}\n\ndata: {"b'), []).toString()).toBe(
    'data: {"a":1}\n\ndata: {"b',
  );
});

test('what is too long to be the usage is not held back', () => {
  const filter = new UsageFilter();
  const long = Buffer.from(`data: ${'x'.repeat(20_000)}`);
  expect(filter.take(long).length).toBe(long.length);
});
