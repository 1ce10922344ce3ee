import { randomBytes } from 'node:crypto';

/** Digits for many ids: to ask for those of one costs as much as for all. */
let digits = '';
let used = 0;

function newDigits(count: number): string {
  if (used + count > digits.length) {
    digits = randomBytes(4_096).toString('hex');
    used = 0;
  }
  used += count;
  return digits.slice(used - count, used);
}

/** A new trace's id, in hexadecimal. */
export function newTraceId(): string {
  return newDigits(32);
}

/** A new span's id, in hexadecimal. */
export function newSpanId(): string {
  return newDigits(16);
}
