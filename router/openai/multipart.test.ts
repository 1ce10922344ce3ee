import fc from 'fast-check';
import { expect, test } from 'vitest';
import { boundaryOf, readMultipartHead } from './multipart.ts';

const field = (name: string, value: string, more = '') =>
  `--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
const read = (text: string) => readMultipartHead(Buffer.from(text), 'b');

test.each([
  ['multipart/form-data; boundary=abc', 'abc'],
  ['multipart/form-data; boundary="a b:c"', 'a b:c'],
  [
    'Multipart/Form-Data; charset=utf-8; Boundary=----WebKitFormBoundaryX1',
    '----WebKitFormBoundaryX1',
  ],
  ['multipart/form-data;boundary=a; charset=utf-8', 'a'],
  ['multipart/form-data', undefined],
  ['multipart/form-data; boundary=', undefined],
  ['multipart/mixed; boundary=a', undefined],
  ['application/json', undefined],
  [undefined, undefined],
  [`multipart/form-data; boundary=${'x'.repeat(71)}`, undefined],
])('the boundary of %s', (header, boundary) => {
  expect(boundaryOf(header)).toBe(boundary);
});

test.each([
  [
    'before the file',
    `${field('model', 'm/ü')}${field('file', '\0--b\r', '; filename="a"')}--b--\r\n`,
  ],
  ['after the file', `${field('file', 'x', '; filename="a"')}${field('model', 'm/ü')}--b--`],
  ['after a preamble', `ignore\r\n${field('model', 'm/ü')}--b--\r\nepilogue`],
  [
    'with other headers',
    `--b \t\r\ncontent-type: text/plain\r\nCONTENT-DISPOSITION: form-data; name=model\r\n\r\nm/ü\r\n--b--`,
  ],
  [
    'beside a file whose name looks like a field',
    `${field('file', 'x', '; filename="a; name=model"')}${field('model', 'm/ü')}--b--`,
  ],
  [
    'beside a file whose name comes first',
    `--b\r\nContent-Disposition: form-data; filename="; name="model"; name="file"\r\n\r\nx\r\n${field('model', 'm/ü')}--b--`,
  ],
])('the model %s', (_where, text) => {
  const head = read(text);
  expect(head).toMatchObject({ kind: 'ok', model: 'm/ü', stream: false });
  if (head.kind !== 'ok') throw new Error(head.kind);
  const { start, end } = head.modelSpan;
  expect(Buffer.from(text).toString('utf8', start, end)).toBe('m/ü');
});

test.each([
  ['true', true],
  ['True', true],
  ['1', true],
  ['false', false],
  ['', false],
  ['trueish', false],
])('stream %j is %s', (value, stream) => {
  expect(read(`${field('model', 'm')}${field('stream', value)}--b--`)).toMatchObject({ stream });
});

test.each([
  ['no closing delimiter', field('model', 'm'), 'malformed'],
  ['nothing', '', 'malformed'],
  ['another boundary', `${field('model', 'm')}--b--`.replaceAll('--b', '--c'), 'malformed'],
  [
    'a boundary that only begins like it',
    `${field('model', 'm')}--bb\r\n\r\nx\r\n--b--`,
    'malformed',
  ],
  [
    'a part without headers’ end',
    `--b\r\nContent-Disposition: form-data; name="model"--b--`,
    'malformed',
  ],
  [
    'a thousand parts and one',
    `${field('a', 'b').repeat(1_000)}${field('model', 'm')}--b--`,
    'malformed',
  ],
  ['two models', `${field('model', 'm')}${field('model', 'n')}--b--`, 'malformed'],
  ['no model', `${field('modell', 'm')}--b--`, 'no_model'],
  ['a file as model', `${field('model', 'm', '; filename="m"')}--b--`, 'model_not_a_string'],
  ['a long model', `${field('model', 'm'.repeat(2_000))}--b--`, 'model_not_a_string'],
])('%s', (_what, text, kind) => {
  expect(read(text).kind).toBe(kind);
});

test('whatever the other parts hold, the model is found where it stands', () => {
  const content = fc
    .uint8Array({ maxLength: 200 })
    .filter((bytes) => !Buffer.from(bytes).includes('\r\n--b'));
  fc.assert(
    fc.property(fc.array(content, { maxLength: 5 }), fc.nat(5), (contents, place) => {
      const parts = contents.map((bytes, index) =>
        Buffer.concat([
          Buffer.from(`--b\r\nContent-Disposition: form-data; name="f${index}"\r\n\r\n`),
          bytes,
          Buffer.from('\r\n'),
        ]),
      );
      parts.splice(place, 0, Buffer.from(field('model', 'm')));
      const body = Buffer.concat([...parts, Buffer.from('--b--\r\n')]);
      const head = readMultipartHead(body, 'b');
      expect(head).toMatchObject({ kind: 'ok', model: 'm' });
    }),
  );
});
