import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGone } from './errors.ts';
import { createWatchDecoder } from './watch-events.ts';

const event = (name: string) => ({ type: 'ADDED', object: { metadata: { name } } });

describe('watch decoder', () => {
  it('gives the same events however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 8 }),
        fc.array(fc.nat(40), { maxLength: 60 }),
        (names, cuts) => {
          const text = names.map((name) => `${JSON.stringify(event(name))}\n`).join('\n');
          const bytes = Buffer.from(text);
          const seen: unknown[] = [];
          const decode = createWatchDecoder('WATCH x', (one) => seen.push(one));
          let from = 0;
          for (const length of cuts) {
            decode(bytes.subarray(from, from + length));
            from += length;
          }
          decode(bytes.subarray(from));
          expect(seen).toEqual(names.map(event));
        },
      ),
    );
  });

  it('throws an ERROR event as the error it carries, and a broken line as a SyntaxError', () => {
    const decode = createWatchDecoder('WATCH x', () => {});
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
    const line = Buffer.from(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
    try {
      decode(line);
      expect.unreachable();
    } catch (error) {
      expect(isGone(error)).toBe(true);
      expect(String(error)).toContain('too old');
    }
    expect(() => decode(Buffer.from('{"type": nope}\n'))).toThrow(SyntaxError);
  });
});
