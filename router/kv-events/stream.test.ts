import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { KvEventStream } from './stream.ts';
import { FakePublisher } from './testing/fake-publisher.ts';

let engine: FakePublisher;
let stream: KvEventStream | undefined;
/** What the listener was told, in order. */
let told: string[];
beforeEach(async () => {
  engine = await FakePublisher.start();
  told = [];
});
afterEach(async () => {
  stream?.stop();
  await engine.stop();
});

function follow(replayPort = engine.replayPort): void {
  stream = new KvEventStream(
    { host: '127.0.0.1', port: engine.port, replayPort },
    {
      apply: (event) => told.push(event.kind === 'removed' ? String(event.blocks) : event.kind),
      emptied: () => told.push('emptied'),
      missed: () => told.push('missed'),
      live: (isLive) => told.push(isLive ? 'live' : 'silent'),
    },
  );
}

const publish = (block: number, isLost = false) =>
  engine.publish([['BlockRemoved', [block]]], isLost);
const untilTold = (...expected: string[]) =>
  vi.waitFor(() => expect(told).toEqual(expected), 50_000);

test('tells what was before it came, and then what comes', async () => {
  publish(1);
  publish(2);
  follow();
  await untilTold('1', '2', 'live');
  await eventually('it is subscribed', () => engine.subscribers === 1);
  publish(3);
  await untilTold('1', '2', 'live', '3');
});

test('a gap is closed by what the engine tells again', async () => {
  follow();
  await untilTold('live');
  await eventually('it is subscribed', () => engine.subscribers === 1);
  publish(1);
  publish(2, true);
  publish(3);
  publish(4);
  await untilTold('live', '1', '2', '3', '4', 'live');
});

test('a gap that cannot be closed is told', async () => {
  follow();
  await untilTold('live');
  await eventually('it is subscribed', () => engine.subscribers === 1);
  publish(1);
  publish(2, true);
  engine.forget();
  publish(3);
  await untilTold('live', '1', 'missed', '3', 'live');
});

test('an engine that no longer knows its beginning is followed from where it does', async () => {
  publish(1);
  engine.forget();
  publish(2);
  follow();
  await untilTold('missed', '2', 'live');
});

test('after a break of the connection nothing is missing and nothing told twice', async () => {
  follow();
  await untilTold('live');
  await eventually('it is subscribed', () => engine.subscribers === 1);
  publish(1);
  await untilTold('live', '1');
  engine.disconnect();
  publish(2);
  await untilTold('live', '1', 'silent', '2', 'live');
});

test('an engine that has begun anew has nothing of before', async () => {
  follow();
  await untilTold('live');
  await eventually('it is subscribed', () => engine.subscribers === 1);
  publish(1);
  publish(2);
  await untilTold('live', '1', '2');
  engine.restart();
  publish(3);
  publish(4);
  await untilTold('live', '1', '2', 'silent', 'emptied', '3', '4', 'live');
});

test('an engine may be given up while it tells again', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  const accepted = once(silent, 'connection');
  await once(silent, 'listening');
  follow((silent.address() as AddressInfo).port);
  const [socket] = (await accepted) as [Socket];
  socket.resume();
  stream?.stop();
  await once(socket, 'close');
  silent.close();
  expect(told).toEqual([]);
});

test('an engine that does not tell again what it told is not followed', async () => {
  const other = await FakePublisher.start();
  await other.stop();
  follow(other.replayPort);
  await eventually('it is given up', () => told.includes('silent'));
  expect(told).not.toContain('live');
});
