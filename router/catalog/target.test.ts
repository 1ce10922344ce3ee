import { expect, test } from 'vitest';
import type { Catalog, Model } from './model.ts';
import { targetOf } from './target.ts';

const model = (facts: Partial<Model>): Model =>
  ({ servedName: 'm', aliases: [], adapters: [], engineName: 'm', ...facts }) as Model;

function catalogOf(names: readonly string[], one: Model): Catalog {
  return { byName: new Map(names.map((name) => [name, one])), models: [one], pods: new Map() };
}

test.each([
  ['its served name', 'm', { engineName: 'm', adapter: undefined }],
  ['an alias', 'gpt-4o', { engineName: 'm', adapter: undefined }],
  ['an adapter', 'm:legal', { engineName: 'm:legal', adapter: 'legal' }],
])('%s leads to the model and to the name its engine knows', (_what, name, expected) => {
  const one = model({ aliases: ['gpt-4o'], adapters: ['legal'] });
  const catalog = catalogOf(['m', 'gpt-4o', 'm:legal'], one);
  expect(targetOf(catalog, name)).toEqual({ name, model: one, ...expected });
});

test('an alias that looks like an adapter is the model’s', () => {
  const one = model({ aliases: ['m:legal'], adapters: ['legal'] });
  expect(targetOf(catalogOf(['m', 'm:legal'], one), 'm:legal')).toMatchObject({
    engineName: 'm',
    adapter: undefined,
  });
});

test('another engine name stands for the served one', () => {
  const one = model({ engineName: 'vendor/model-v2' });
  expect(targetOf(catalogOf(['m'], one), 'm')?.engineName).toBe('vendor/model-v2');
});

test('an unknown name leads to nothing', () => {
  expect(targetOf(catalogOf([], model({})), 'x')).toBeUndefined();
});
