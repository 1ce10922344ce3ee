import { expect, test } from 'vitest';
import { mergePieces } from './merge.ts';

const chunk = (content: string, finish: string | null = null) => ({
  choices: [{ index: 0, delta: { content }, finish_reason: finish }],
});

test('an answer cut in other places is the same answer', () => {
  const coarse = [chunk('Hello'), chunk(' there'), chunk('', 'stop')];
  const fine = [chunk('He'), chunk('llo'), chunk(' '), chunk('there'), chunk('', 'stop')];
  expect(mergePieces(fine)).toEqual(mergePieces(coarse));
  const wire = (chunks: object[]) =>
    `${chunks.map((one) => `data: ${JSON.stringify(one)}\n\n`).join('')}: ping\n\ndata: [DONE]\n\n`;
  expect(mergePieces(wire(fine))).toEqual(mergePieces(wire(coarse)));
});

test('a doubled event without text stays two', () => {
  const begun = { type: 'response.in_progress' };
  expect(mergePieces([begun, begun])).toEqual([begun, begun]);
});

test('another text, another order and a missing event are seen', () => {
  const whole = [chunk('Hello'), chunk('', 'stop')];
  expect(mergePieces(whole)).not.toEqual(mergePieces([chunk('Hallo'), chunk('', 'stop')]));
  expect(mergePieces(whole)).not.toEqual(mergePieces([chunk('Hello')]));
  expect(mergePieces(whole)).not.toEqual(mergePieces([chunk('', 'stop'), chunk('Hello')]));
});
