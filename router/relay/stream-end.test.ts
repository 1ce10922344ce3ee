import { expect, test } from 'vitest';
import { isCompleteStream } from './stream-end.ts';

test.each([
  ['data: {"a":1}\n\ndata: [DONE]\n\n', true],
  ['data: {"a":1}\r\n\r\ndata: [DONE]\r\n\r\n', true],
  ['data: [DONE]\n', true],
  ['data:[DONE]', true],
  ['data: {"a":1}\n\n', false],
  ['data: {"content":"data: [DONE]"}\n\n', false],
  ['data: {"content":"\\ndata: [DONE]', false],
  ['', false],
  ['data: {"a":1}\n\ndata: {"error":{"message":"x"}}\n\n', true],
  ['data: {"a":1}\n\nerror: {"code":500}\n\n', true],
  ['data: {"a":1}\n\nevent: error\ndata: {}\n\n', true],
  ['data: {"error":{}}\n\ndata: {"a":1}\n\n', false],
])('%j', (tail, complete) => {
  expect(isCompleteStream(tail)).toBe(complete);
});
