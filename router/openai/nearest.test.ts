import { expect, test } from 'vitest';
import { editDistance, nearestNames } from './nearest.ts';

const names = ['skiff', 'skiff-embed', 'org/llama-3.1-8b', 'org/llama-3.1-70b', 'whisper'];

test.each([
  ['skif', ['skiff', 'skiff-embed']],
  ['SKIFF-embd', ['skiff-embed', 'skiff']],
  ['llama-3.1-8b', ['org/llama-3.1-8b']],
  ['org/llama-3.1-80b', ['org/llama-3.1-70b', 'org/llama-3.1-8b']],
  ['gpt-4o', []],
  ['x'.repeat(5_000), []],
])('nearest to %s', (wrong, expected) => {
  expect(nearestNames(wrong, names, 3)).toEqual(expected);
});

test('no more than the limit', () => {
  expect(nearestNames('m0', ['m1', 'm2', 'm3'], 2)).toEqual(['m1', 'm2']);
});

test.each([
  ['', '', 0],
  ['abc', '', 3],
  ['kitten', 'sitting', 3],
  ['ab', 'ba', 2],
])('distance from %s to %s', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});
