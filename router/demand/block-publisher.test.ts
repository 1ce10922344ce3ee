import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { DemandReader } from '../../protocol/demand.ts';
import { decodeBlocks } from '../balance/block-list.ts';
import { ReplicaLoads } from '../balance/replica-loads.ts';
import { BlockPublisher } from './block-publisher.ts';

const prompt = (from: number, length: number) =>
  Int32Array.from({ length }, (_, at) => Math.imul(from + at, 0x9e3779b1));

/** Two routers that know the same pods; one of them is told what the other knows. */
function routers() {
  const [here, there] = [new ReplicaLoads(), new ReplicaLoads()];
  for (const loads of [here, there]) loads.retain(['a', 'b']);
  const publisher = new BlockPublisher(() => here.blocks());
  const sent = (id: string, blocks: Int32Array) => {
    here.of(id).prefixes.add(blocks);
    publisher.prompted(id, blocks);
  };
  const stream = new PassThrough();
  const reader = new DemandReader();
  const read = () => {
    for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) {
      for (const { blocks = [] } of reader.push(chunk)) {
        for (const { uid, list, gone = '' } of blocks) {
          there.hearBlocks(uid, decodeBlocks(list)!);
          there.hearDropped(uid, decodeBlocks(gone)!);
        }
      }
    }
  };
  const matched = (id: string, blocks: Int32Array) => {
    read();
    return there.of(id).prefixes.matchLength(blocks);
  };
  return { here, publisher, stream, sent, matched };
}

test('a router that comes later knows what was sent before, and what is sent from then on', async () => {
  const { publisher, stream, sent, matched } = routers();
  const [old, young] = [prompt(1, 20), prompt(1_000, 12)];
  sent('a', old);
  publisher.follow(stream);
  sent('b', young);
  await eventually('all is told', () => matched('a', old) === 20 && matched('b', young) === 12);
  expect(matched('b', old)).toBe(0);
});

test('what a pod has dropped is told in the order in which it was dropped and sent again', async () => {
  const { publisher, stream, sent, matched } = routers();
  publisher.follow(stream);
  const [one, two] = [prompt(1, 12), prompt(1_000, 12)];
  for (const blocks of [one, two]) sent('a', blocks);
  publisher.dropped('a', [...one.subarray(8), ...two.subarray(4)]);
  sent('a', two);
  publisher.dropped('b', [...two]);
  await eventually('all is told', () => matched('a', one) === 8 && matched('a', two) === 12);
});

test('much is told in many lines, as fast as they are read', async () => {
  const { here, publisher, stream, matched } = routers();
  for (let at = 0; at < 1_000; at++) here.of('a').prefixes.add(prompt(100 * at, 16));
  publisher.follow(stream);
  await eventually(
    'the last is told',
    () => matched('a', prompt(0, 16)) === 16 && matched('a', prompt(99_900, 16)) === 16,
  );
});

test('for one who does not read, news are kept up to a bound, and later ones come when it reads', async () => {
  const publisher = new BlockPublisher(() => []);
  const [quick, slow] = [new PassThrough(), new PassThrough()];
  const bytesOf = (stream: PassThrough) => {
    let bytes = 0;
    for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) bytes += chunk.length;
    return bytes;
  };
  for (const stream of [quick, slow]) publisher.follow(stream);
  let toldBytes = 0;
  for (let round = 0; toldBytes < 6 << 20; round++) {
    for (let at = 0; at < 300; at++) publisher.prompted('a', prompt(200 * at, 150));
    await eventually(`round ${round} is told`, () => {
      const bytes = bytesOf(quick);
      toldBytes += bytes;
      return bytes > 0;
    });
  }
  let keptBytes = 0;
  await eventually('all that was kept is read', () => {
    const bytes = bytesOf(slow);
    keptBytes += bytes;
    return keptBytes > 2 << 20 && bytes === 0;
  });
  expect(keptBytes).toBeLessThan(toldBytes);
  expect(keptBytes).toBeLessThan(5 << 20);
  publisher.prompted('a', prompt(1, 2));
  await eventually('later news come', () => bytesOf(slow) > 0);
});

test('a pod that a router does not know is not remembered', () => {
  const { here } = routers();
  here.hearBlocks('gone', { keys: prompt(1, 3), sizes: new Uint8Array(3) });
  here.hearLoads(new Map([['gone', { inFlight: 1, pendingTokens: 9 }]]), 0);
  expect(here.find('gone')).toBeUndefined();
});

test('loads elsewhere count until they are not told any more', () => {
  const { here } = routers();
  here.hearLoads(new Map([['a', { inFlight: 2, pendingTokens: 900 }]]), 0);
  expect(here.of('a').allPendingTokens).toBe(900);
  expect(here.of('a').allInFlight).toBe(2);
  here.hearLoads(new Map(), 0);
  expect(here.of('a').allPendingTokens).toBe(0);
});
