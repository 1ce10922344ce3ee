import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readJsonHead } from './model-name.ts';
import { readMultipartHead } from './multipart.ts';
import { spliceModel } from './splice.ts';

test('only the name changes, whatever else the body holds', () => {
  const text =
    '{ "big": 12345678901234567890, "model":"x", "mod\\u0065l" : "a\\u006cias", "u":"ü", "x" :1.0 }';
  const body = Buffer.from(text);
  const head = readJsonHead(body);
  if (head.kind !== 'ok') throw new Error(head.kind);
  expect(spliceModel(body, head.modelSpan, 'json', 'org/"m"').toString()).toBe(
    text.replace('"a\\u006cias"', '"org/\\"m\\""'),
  );
});

test('in multipart the name stands without quotes', () => {
  const text =
    '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nalias\r\n--b\r\n\r\n\0\xff\r\n--b--\r\n';
  const body = Buffer.from(text, 'latin1');
  const head = readMultipartHead(body, 'b');
  if (head.kind !== 'ok') throw new Error(head.kind);
  expect(spliceModel(body, head.modelSpan, 'multipart', 'org/m').toString('latin1')).toBe(
    text.replace('alias', 'org/m'),
  );
});

test('the engine reads the new name and the same of everything else', () => {
  const document = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(
    fc.property(document, fc.string(), document, (before, name, after) => {
      const written = JSON.stringify({ ...before, model: 'old', ...after, model_: 1 });
      const body = Buffer.from(written);
      const head = readJsonHead(body);
      if (head.kind !== 'ok') return;
      const spliced = spliceModel(body, head.modelSpan, 'json', name).toString();
      expect(JSON.parse(spliced)).toEqual({
        ...JSON.parse(body.toString()),
        model: name.toWellFormed(),
      });
    }),
  );
});
