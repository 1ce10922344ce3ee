import { expect, test } from 'vitest';
import { targetsOf } from './fallbacks.ts';
import type { Catalog, Model } from './model.ts';

const model = (servedName: string, ...fallbacks: string[]): Model =>
  ({
    servedName,
    aliases: [],
    adapters: [],
    engineName: servedName,
    routing: { fallbacks },
  }) as unknown as Model;

function catalogOf(...models: Model[]): Catalog {
  return { byName: new Map(models.map((one) => [one.servedName, one])), models, pods: new Map() };
}

const all = () => true;
const names = (catalog: Catalog, name: string, suits = all as (name: string) => boolean) =>
  targetsOf(catalog, name, (target) => suits(target.name)).map((target) => target.name);

test('the model asked for comes first, its fallbacks follow in their order', () => {
  const catalog = catalogOf(model('a', 'c', 'b'), model('b'), model('c'));
  expect(names(catalog, 'a')).toEqual(['a', 'c', 'b']);
});

test('fallbacks of a fallback are not followed, in a circle or otherwise', () => {
  const catalog = catalogOf(model('a', 'b'), model('b', 'a', 'c'), model('c'));
  expect(names(catalog, 'a')).toEqual(['a', 'b']);
});

test('no model is asked twice: not itself, not by two of its names', () => {
  const b = { ...model('b'), aliases: ['b-too'] };
  const catalog = catalogOf(model('a', 'a', 'b', 'b-too', 'b'), b);
  const byName = new Map([...catalog.byName, ['b-too', b]]);
  expect(names({ ...catalog, byName }, 'a')).toEqual(['a', 'b']);
});

test('names that lead nowhere and models that do not suit are left out', () => {
  const catalog = catalogOf(model('a', 'gone', 'b', 'c'), model('b'), model('c'));
  expect(names(catalog, 'a', (name) => name !== 'b')).toEqual(['a', 'c']);
});

test('what is asked for need not suit: it was judged before', () => {
  expect(names(catalogOf(model('a')), 'a', () => false)).toEqual(['a']);
});

test('an unknown name leads to no target', () => {
  expect(names(catalogOf(), 'a')).toEqual([]);
});
