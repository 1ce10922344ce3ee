import { expect, test } from 'vitest';
import { readInput, readOutput } from './content.ts';

const input = (body: object) => readInput(Buffer.from(JSON.stringify(body)));
const output = (reply: string | object) =>
  readOutput(Buffer.from(typeof reply === 'string' ? reply : JSON.stringify(reply)));
const text = (content: string) => ({ type: 'text', content });

test('a chat: texts, tool calls and their results; of a picture that there was one', () => {
  const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
  expect(
    input({
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: [{ type: 'text', text: 'what?' }, { type: 'image_url' }] },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c1', content: '42' },
      ],
    }).messages,
  ).toEqual([
    { role: 'system', parts: [text('be brief')] },
    { role: 'user', parts: [text('what?'), { type: 'image_url' }] },
    {
      role: 'assistant',
      parts: [{ type: 'tool_call', id: 'c1', name: 'f', arguments: '{"a":1}' }],
    },
    { role: 'tool', parts: [{ type: 'tool_call_response', id: 'c1', result: '42' }] },
  ]);
});

test('prompts, inputs and instructions', () => {
  expect(input({ prompt: ['a', 'b'] }).messages).toEqual([
    { role: 'user', parts: [text('a')] },
    { role: 'user', parts: [text('b')] },
  ]);
  expect(input({ input: 'a', instructions: 'i' })).toEqual({
    messages: [{ role: 'user', parts: [text('a')] }],
    system: [text('i')],
  });
  expect(readInput(Buffer.from('--form data'))).toEqual({ messages: [], system: [] });
});

test('plain answers of every API', () => {
  const chat = { choices: [{ message: { content: 'hi' }, finish_reason: 'stop' }] };
  const expected = { role: 'assistant', parts: [text('hi')], finish_reason: 'stop' };
  expect(output(chat)).toEqual([expected]);
  expect(output({ choices: [{ text: 'hi', finish_reason: 'stop' }] })).toEqual([expected]);
  const content = [{ type: 'output_text', text: 'hi' }];
  const answer = { role: 'assistant', parts: [text('hi')] };
  expect(output({ content, role: 'assistant' })).toEqual([answer]);
  expect(output({ output: [{ type: 'message', role: 'assistant', content }] })).toEqual([answer]);
  expect(output('sound')).toEqual([]);
});

test('streams are put together, choice by choice', () => {
  const chunk = (index: number, content: string, finish_reason: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ index, delta: { content }, finish_reason }] })}\n\n`;
  const stream = `${chunk(0, 'a')}${chunk(1, 'x')}${chunk(0, 'b', 'stop')}data: [DONE]\n\n`;
  expect(output(stream)).toEqual([
    { role: 'assistant', parts: [text('ab')], finish_reason: 'stop' },
    { role: 'assistant', parts: [text('x')] },
  ]);
  const events = [
    { type: 'response.output_text.delta', output_index: 0, delta: 'hi' },
    { type: 'response.output_text.delta', output_index: 0, delta: ' you' },
  ];
  expect(output(events.map((one) => `data: ${JSON.stringify(one)}`).join('\n\n'))).toEqual([
    { role: 'assistant', parts: [text('hi you')] },
  ]);
  const delta = { type: 'content_block_delta', delta: { type: 'text_delta', text: 'hi' } };
  expect(output(`event: content_block_delta\ndata: ${JSON.stringify(delta)}\n\n`)).toEqual([
    { role: 'assistant', parts: [text('hi')] },
  ]);
});
