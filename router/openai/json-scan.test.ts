import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deepestNesting, JsonSyntaxError, scanTopLevel } from './json-scan.ts';

// Thousands of documents; a busy machine may need longer than the default.
/** What JSON.parse says of `key`: its value, `absent`, `not an object` or `not JSON`. */
function oracle(text: string, key: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'not JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'not an object';
  return Object.hasOwn(value, key) ? { value: Reflect.get(value, key) } : 'absent';
}

function scanned(text: string, key: string): unknown {
  const bytes = Buffer.from(text);
  try {
    const found = scanTopLevel(bytes, [key]);
    if (!found) return 'not an object';
    const span = found.get(key);
    if (!span) return 'absent';
    return { value: JSON.parse(bytes.toString('utf8', span.start, span.end)) };
  } catch (error) {
    if (error instanceof JsonSyntaxError) return 'not JSON';
    throw error;
  }
}

describe('agrees with JSON.parse', () => {
  test.each([
    ['{"model":"a"}'],
    [' \t\r\n{ "model" : "a" } \n'],
    ['{"model":"a","model":"b"}'],
    ['{"mod\\u0065l":"a"}'],
    ['{"model":"a","mod\\u0065l":null}'],
    ['{"nested":{"model":"x"},"list":[{"model":"y"}]}'],
    ['{"text":"\\"model\\":\\"x\\"","model":"a"}'],
    ['{"model":"\\ud83d\\ude00 \u{1f600} ü"}'],
    ['{"model":{"a":[1,-0.5e+10,true,false,null,"]}"]}}'],
    ['{"big":123456789012345678901234567890,"model":"a"}'],
    ['{}'],
    ['[]'],
    ['null'],
    ['"model"'],
    ['12'],
    [''],
    ['{'],
    ['{"model":"a"'],
    ['{"model":"a",}'],
    ['{"model"}'],
    ['{"model":}'],
    ['{,"model":"a"}'],
    ['{"model":"a"}}'],
    ['{"model":"a"} x'],
    ['{"model":01}'],
    ['{"model":1.}'],
    ['{"model":.5}'],
    ['{"model":1e}'],
    ['{"model":+1}'],
    ['{"model":-}'],
    ['{"model":"a\nb"}'],
    ['{"model":"\\x41"}'],
    ['{"model":"\\u12g4"}'],
    ['{"model":"\\'],
    ['{"model":tru}'],
    ['{"a":[1,2}'],
    ['{"a":[1 2]}'],
    ['{"a":[,1]}'],
    ["{'model':1}"],
    ['\ufeff{"model":"a"}'],
    ['{"a":nul'],
  ])('%s', (text) => {
    expect(scanned(text, 'model')).toEqual(oracle(text, 'model'));
  });

  test('for any JSON value, written in any of JSON’s spellings', () => {
    const document = fc.record({
      before: fc.dictionary(fc.string(), fc.jsonValue()),
      model: fc.jsonValue(),
      after: fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
      indent: fc.constantFrom(0, 1, '\t'),
    });
    fc.assert(
      fc.property(document, ({ before, model, after, indent }) => {
        const text = JSON.stringify({ ...before, model, ...after }, null, indent);
        expect(scanned(text, 'model')).toEqual(oracle(text, 'model'));
      }),
      { numRuns: 300 },
    );
  });

  test('for JSON with a few characters changed', () => {
    const edits = fc.array(
      fc.tuple(
        fc.nat(),
        fc.nat({ max: 3 }),
        fc.constantFrom(...'{}[]",:\\u0e+-.tfn 1m\n'.split(''), ''),
      ),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), edits, (document, changes) => {
        let text = JSON.stringify({ ...document, model: 'm' });
        for (const [position, removed, added] of changes) {
          const at = position % (text.length + 1);
          text = text.slice(0, at) + added + text.slice(at + removed);
        }
        // Half a surrogate pair does not survive UTF-8, in JSON.parse's input neither.
        text = Buffer.from(text).toString();
        expect(scanned(text, 'model')).toEqual(oracle(text, 'model'));
      }),
      { numRuns: 2_000 },
    );
  });
});

test('the deepest nesting that is read, and one level more', () => {
  const nested = (levels: number) =>
    Buffer.from(`{"a":${'['.repeat(levels)}${']'.repeat(levels)},"model":"m"}`);
  expect(scanTopLevel(nested(deepestNesting), ['model'])?.has('model')).toBe(true);
  expect(() => scanTopLevel(nested(deepestNesting + 1), ['model'])).toThrow('deeper than 512');
  expect(() => scanTopLevel(Buffer.from('['.repeat(2_000_000)), [])).toThrow('deeper than 512');
});

test('bytes that are not UTF-8 pass inside of strings and nowhere else', () => {
  const inside = Buffer.concat([
    Buffer.from('{"a":"'),
    Buffer.from([0xff, 0xc3]),
    Buffer.from('"}'),
  ]);
  expect(scanTopLevel(inside, ['a'])?.get('a')).toEqual({ start: 5, end: 9 });
  const outside = Buffer.concat([Buffer.from('{"a":'), Buffer.from([0xff]), Buffer.from('}')]);
  expect(() => scanTopLevel(outside, ['a'])).toThrow(JsonSyntaxError);
});

test('the error tells the byte', () => {
  expect(() => scanTopLevel(Buffer.from('{"a":tree}'), [])).toThrow('at byte 5');
});
