import { expect, test } from 'vitest';
import { z } from 'zod';
import { structural } from './generate/structural.ts';
import { staleFiles } from './generate/write.ts';
import { generatedFiles } from './generate.ts';
import { kubernetes } from './kubernetes.ts';

const text = z.string().max(10).describe('Text.');

test('every generated file is as the schemas say', async () => {
  expect(await staleFiles(generatedFiles())).toEqual([]);
});

test('the chart gets the same CRDs', () => {
  const files = generatedFiles();
  const crds = [...files.keys()].filter(
    (path) => path.startsWith('crds/') && path.endsWith('yaml'),
  );
  expect(crds.length).toBe(3);
  for (const path of crds)
    expect(files.get(path.replace('crds/generated/', 'charts/fairlead/crds/'))).toBe(
      files.get(path),
    );
});

test('an object keeps descriptions, bounds, defaults and which fields are required', () => {
  const schema = z
    .strictObject({
      name: text,
      size: z.int32().min(0).max(7).default(3).describe('Size.'),
      kind: z.enum(['A', 'B']).describe('Kind.').optional(),
    })
    .describe('Thing.');
  expect(structural(schema, 'spec')).toEqual({
    description: 'Thing.',
    type: 'object',
    required: ['name'],
    properties: {
      name: { description: 'Text.', type: 'string', maxLength: 10 },
      size: {
        description: 'Size.',
        type: 'integer',
        format: 'int32',
        minimum: 0,
        maximum: 7,
        default: 3,
      },
      kind: { description: 'Kind.', type: 'string', enum: ['A', 'B'] },
    },
  });
});

test('a default of an object lets the defaults inside it appear', () => {
  const inner = z.strictObject({ x: z.int().default(1).describe('X.') });
  expect(structural(inner.prefault({}).describe('Inner.'), 'spec')).toMatchObject({
    default: {},
    properties: { x: { default: 1 } },
  });
});

test.each<[string, z.ZodType, RegExp]>([
  ['a loose object', z.object({ a: text }).describe('.'), /strictObject/],
  ['a string without bound', z.string().describe('.'), /needs max/],
  ['a list without bound', z.array(text).describe('.'), /needs max/],
  ['a map without bound', z.record(z.string(), text).describe('.'), /maxProperties/],
  ['keys with a bound', z.record(z.string().max(3), text).describe('.'), /keys of a map/],
  ['a field without words', z.strictObject({ a: z.string().max(1) }).describe('.'), /description/],
  ['a pattern without message', z.string().max(9).regex(/^a/).describe('.'), /write a rule/],
  ['a refinement', text.refine((value) => value !== 'x'), /write a rule/],
  ['a fraction', z.number().describe('.'), /whole/],
  ['an exclusive bound', z.int().gt(3).describe('.'), /greater_than/],
  ['a union of objects', z.union([z.int(), z.boolean()]).describe('.'), /int-or-string/],
  ['a date', z.date().describe('.'), /date has no counterpart/],
  ['a transform', text.transform(Number).describe('.'), /pipe has no counterpart/],
  ['null', text.nullable().describe('.'), /nullable has no counterpart/],
  ['an optional list item', z.array(text.optional()).max(2).describe('.'), /properties alone/],
  [
    'unknown metadata',
    text.clone().register(kubernetes, JSON.parse('{"sorting": true}')),
    /unknown metadata sorting/,
  ],
  [
    'rules of a default',
    text.default('x').register(kubernetes, { rules: [] }),
    /must stand before/,
  ],
])('%s is refused with the path of the field', (_what, schema, message) => {
  expect(() => structural(schema, 'spec.field')).toThrow(message);
  expect(() => structural(schema, 'spec.field')).toThrow(/^spec\.field/);
});
