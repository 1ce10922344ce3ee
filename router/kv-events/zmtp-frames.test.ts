import { expect, test } from 'vitest';
import { greeting, message, ready, ZmtpError, ZmtpReader } from './zmtp-frames.ts';

function reader() {
  const messages: string[][] = [];
  let isReady = false;
  const own = new ZmtpReader(
    () => {
      isReady = true;
    },
    (parts) => messages.push(parts.map((part) => part.toString())),
  );
  return { own, messages, isReady: () => isReady };
}

const parts = ['topic', 'x'.repeat(70_000), ''].map((text) => Buffer.from(text));
const conversation = Buffer.concat([
  ...[greeting(), ready('PUB'), message(parts), message([Buffer.from('next')])],
]);

test.each([13, 64, 4_096, 100_000])('reads what comes in pieces of %i bytes', (size) => {
  const { own, messages, isReady } = reader();
  for (let at = 0; at < conversation.length; at += size) {
    own.push(conversation.subarray(at, at + size));
  }
  expect(isReady()).toBe(true);
  expect(messages).toEqual([['topic', 'x'.repeat(70_000), ''], ['next']]);
});

test('refuses a peer that speaks something else', () => {
  const http = Buffer.from('HTTP/1.1 400 Bad Request\r\n'.padEnd(64));
  expect(() => reader().own.push(http)).toThrow(ZmtpError);
  const curve = greeting();
  curve.write('CURVE', 12, 'latin1');
  expect(() => reader().own.push(curve)).toThrow(ZmtpError);
});

test('tells what a peer refuses, and refuses a frame that is too long', () => {
  const refusal = Buffer.from('\x04\x0a\x05ERROR\x03bad', 'latin1');
  expect(() => reader().own.push(Buffer.concat([greeting(), refusal]))).toThrow(/bad/);
  const endless = Buffer.from([2, 0, 0, 0, 1, 0, 0, 0, 0]);
  expect(() => reader().own.push(Buffer.concat([greeting(), endless]))).toThrow(/frame of/);
});
