import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Balancer } from '../balance/balancer.ts';
import type { Hold, HoldEnd } from '../hold/hold.ts';
import type { ClientReply } from './client-reply.ts';
import { Deadlines } from './deadlines.ts';
import type { RelayRequest } from './request.ts';
import type { Route } from './route.ts';
import { Wait } from './wait.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Begins to wait; `written` is what the client was sent. */
function begin({ stream = true } = {}) {
  const deadlines = new Deadlines(() => performance.now());
  const written: string[] = [];
  const reply = {
    head: undefined as object | undefined,
    isBehind: false,
    writeHead(head: { status: number }) {
      this.head = head;
      written.push(`${head.status}`);
    },
    write: (bytes: Buffer) => written.push(bytes.toString()),
  };
  let over: ((end: HoldEnd) => void) | undefined;
  const hold = {
    enter: (_model: object, _adapter: undefined, held: { over: typeof over }) => {
      over = held.over;
      return { sinceMs: 0, leave() {} };
    },
  };
  const request = {
    endpoint: { operation: 'chat', method: 'POST' },
    asked: { stream },
    body: Buffer.alloc(0),
    record: { held() {}, released() {} },
    replyHeaders: [],
  };
  const model = { servedName: 'm', hold: {}, routing: {} };
  const route = { worthWaitingFor: () => ({ model }) };
  const balancer = { fitOf: () => () => 0 };
  const wait = Wait.begin(
    { hold: hold as unknown as Hold, balancer: balancer as unknown as Balancer, deadlines },
    route as unknown as Route,
    request as unknown as RelayRequest,
    reply as unknown as ClientReply,
    () => {},
  ) as Wait;
  return { wait, reply, written, deadlines, over: (end: HoldEnd) => over?.(end) };
}

const comment = ': waiting for a replica of m\n\n';

test('a stream has its head and a comment after a second, and a comment every 15 s from then on', () => {
  const { written, wait, deadlines } = begin();
  vi.advanceTimersByTime(900);
  expect(written).toEqual([]);
  vi.advanceTimersByTime(200);
  expect(written).toEqual(['200', comment]);
  vi.advanceTimersByTime(30_200);
  expect(written).toEqual(['200', comment, comment, comment]);
  wait.leave();
  expect(deadlines.size).toBe(0);
});

test('a client that has not read what it was sent gets no more until it has', () => {
  const { written, reply } = begin();
  vi.advanceTimersByTime(1_100);
  reply.isBehind = true;
  vi.advanceTimersByTime(30_200);
  expect(written).toEqual(['200', comment]);
  reply.isBehind = false;
  vi.advanceTimersByTime(15_100);
  expect(written).toEqual(['200', comment, comment]);
});

test('nothing more comes once the wait is over, and nothing at all for who wants no stream', () => {
  const { written, deadlines, over } = begin();
  vi.advanceTimersByTime(1_100);
  over('room');
  expect(deadlines.size).toBe(0);
  const other = begin({ stream: false });
  vi.advanceTimersByTime(60_000);
  expect(other.written).toEqual([]);
  expect(written).toEqual(['200', comment]);
});
