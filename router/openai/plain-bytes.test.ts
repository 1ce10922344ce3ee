import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PlainBytes } from './plain-bytes.ts';

/** What a JSON string may not simply go on at. */
const stops = (byte: number) => byte < 0x20 || byte === 0x22 || byte === 0x5c;

test('a run ends at the first byte that may not stand so, wherever the text lies in memory', () => {
  // Mostly plain ones, so that runs become long; all others as often as each other.
  const byte = fc.oneof({ weight: 60, arbitrary: fc.constant(0x61) }, fc.nat(255));
  const text = fc.array(byte, { maxLength: 120 });
  fc.assert(
    fc.property(text, fc.nat(7), fc.nat(120), (bytes, offset, start) => {
      const memory = Buffer.alloc(offset + bytes.length + 9, 0x22);
      memory.set(bytes, offset);
      const at = Math.min(start, bytes.length);
      const found = bytes.findIndex((value, index) => index >= at && stops(value));
      const end = new PlainBytes(memory.subarray(offset, offset + bytes.length)).endOfRun(at);
      expect(end).toBe(found < 0 ? bytes.length : found);
    }),
    { numRuns: 2_000 },
  );
});

test.each(Array.from({ length: 256 }, (_, byte) => byte))(
  'byte %i, at each place of a word',
  (byte) => {
    for (let place = 0; place < 4; place++) {
      const text = Buffer.alloc(40, 0x61);
      text[24 + place] = byte;
      expect(new PlainBytes(text).endOfRun(0)).toBe(stops(byte) ? 24 + place : 40);
    }
  },
);
