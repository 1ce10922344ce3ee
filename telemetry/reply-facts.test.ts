import { describe, expect, test } from 'vitest';
import { ReplySample } from './reply-facts.ts';

function factsOf(text: string, cut = 1_000) {
  const sample = new ReplySample();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += cut) sample.add(bytes.subarray(at, at + cut));
  return sample.facts();
}

const plain = JSON.stringify({
  choices: [
    { finish_reason: 'stop', message: { content: 'say \n"usage":{"prompt_tokens":999}' } },
    { finish_reason: 'length', message: { content: 'x' } },
  ],
  model: 'skiff',
  id: 'chatcmpl-1',
  usage: {
    completion_tokens: 5,
    prompt_tokens: 7,
    prompt_tokens_details: { cached_tokens: 3 },
  },
});

describe.each([1, 7, 100_000])('read in pieces of %i bytes', (cut) => {
  test('a plain answer', () => {
    expect(factsOf(plain, cut)).toEqual({
      id: 'chatcmpl-1',
      model: 'skiff',
      finishReasons: ['stop', 'length'],
      inputTokens: 7,
      outputTokens: 5,
      cachedTokens: 3,
    });
  });

  test('a stream with usage', () => {
    const stream = [
      'data: {"id":"c1","model":"skiff","choices":[{"delta":{"content":"a"},"finish_reason":null}],"usage":null}',
      'data: {"id":"c1","choices":[{"finish_reason":"tool_calls","delta":{}}],"usage":null}',
      'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":16,"completion_tokens":13}}',
      'data: [DONE]\n\n',
    ].join('\n\n');
    expect(factsOf(stream, cut)).toEqual({
      id: 'c1',
      model: 'skiff',
      finishReasons: ['tool_calls'],
      inputTokens: 16,
      outputTokens: 13,
    });
  });

  test('a stream of llama.cpp without usage tells its tokens in its timings', () => {
    const stream =
      'data: {"id":"c1","timings":{"cache_n":15,"prompt_n":1,"prompt_ms":2.1,"predicted_n":13}}\n\ndata: [DONE]\n\n';
    expect(factsOf(stream, cut)).toMatchObject({
      inputTokens: 16,
      outputTokens: 13,
      cachedTokens: 15,
    });
  });

  test('a list of embeddings, whose usage stands before a long body', () => {
    const list = JSON.stringify({
      model: 'e',
      object: 'list',
      usage: { prompt_tokens: 4, total_tokens: 4 },
      data: [{ embedding: Array.from({ length: 5_000 }, (_, index) => index / 7) }],
    });
    expect(factsOf(list, cut)).toEqual({ model: 'e', finishReasons: [], inputTokens: 4 });
  });
});

test.each(['', 'null', '{"usage":null}', 'not JSON "usage":', '{"error":{"code":500}}'])(
  'an answer that tells nothing: %s',
  (text) => {
    expect(factsOf(text)).toEqual({ finishReasons: [] });
  },
);

test('what is kept of a long answer is bounded, and its end is right', () => {
  const sample = new ReplySample();
  for (let index = 0; index < 100_000; index++) sample.add(Buffer.from(`data: ${index}\n\n`));
  expect(sample.end(20)).toBe('99998\n\ndata: 99999\n\n'.slice(-20));
  expect(sample.end(1_000_000).length).toBeLessThan(20_000);
});
