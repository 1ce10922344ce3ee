import { beforeEach, expect, test } from 'vitest';
import { BlockLru } from '../balance/block-lru.ts';
import type { BlockId } from './decode.ts';
import { EngineBlocks } from './engine-blocks.ts';

/** A prompt of as many units, each a block; of 64 tokens to a unit. */
const prompt = (first: number, units: number) =>
  Int32Array.from({ length: units }, (_, at) => first + at);
const tokensOf = (units: number) => 64 * units;

let prefixes: BlockLru;
let engine: EngineBlocks;
/** Text blocks that it told to be gone. */
let dropped: number[];
beforeEach(() => {
  prefixes = new BlockLru(1_000);
  dropped = [];
  engine = new EngineBlocks(prefixes, 'r', (keys) => dropped.push(...keys));
});

/** Sends a prompt; the index takes it in at once, as the balancer does. */
function send(blocks: Int32Array) {
  prefixes.add(blocks);
  return engine.track(blocks, 256 * blocks.length);
}

function stored(session: string, blocks: BlockId[], parent?: BlockId, blockTokens = 64) {
  engine.apply({ kind: 'stored', blocks, parent, blockTokens, group: 0, session });
}
const removed = (...blocks: BlockId[]) => engine.apply({ kind: 'removed', blocks, group: 0 });

test('what the engine drops leaves the index, from the end on', () => {
  const blocks = prompt(100, 4);
  const sent = send(blocks);
  stored(sent.session, ['a', 'b', 'c', 'd']);
  sent.ended(tokensOf(4));
  removed('d', 'c');
  expect(prefixes.matchLength(blocks)).toBe(2);
  expect(prefixes.isFull).toBe(true);
  removed('b', 'a');
  expect(prefixes.matchLength(blocks)).toBe(0);
  expect(engine.size).toBe(0);
  expect(dropped).toEqual([103, 102, 101, 100]);
});

test('events may come after the answer, and in parts', () => {
  const blocks = prompt(100, 4);
  const sent = send(blocks);
  sent.ended(tokensOf(4));
  stored(sent.session, ['a', 'b']);
  stored(sent.session, ['c', 'd'], 'b');
  removed('d');
  expect(prefixes.matchLength(blocks)).toBe(3);
});

test('a prompt that goes on from another is bound through it, also if another router sent that', () => {
  stored('other-1', ['a', 'b']);
  const blocks = prompt(100, 4);
  const sent = send(blocks);
  stored(sent.session, ['c', 'd'], 'b');
  // What is generated lies beyond the prompt.
  stored(sent.session, ['e'], 'd');
  sent.ended(tokensOf(4));
  removed('e');
  expect(prefixes.matchLength(blocks)).toBe(4);
  removed('d', 'c', 'b');
  expect(prefixes.matchLength(blocks)).toBe(1);
});

test('blocks of more tokens than a unit: a text block is there as long as the one that ends before it', () => {
  const blocks = prompt(100, 6);
  const sent = send(blocks);
  stored(sent.session, ['a', 'b', 'c'], undefined, 128);
  sent.ended(tokensOf(6));
  removed('c');
  expect(prefixes.matchLength(blocks)).toBe(5);
  removed('b');
  expect(prefixes.matchLength(blocks)).toBe(3);
  removed('a');
  expect(prefixes.matchLength(blocks)).toBe(0);
});

test('a shared beginning stays while it is there', () => {
  const [one, two] = [prompt(100, 3), Int32Array.of(100, 101, 7)];
  const first = send(one);
  stored(first.session, ['a', 'b', 'c']);
  first.ended(tokensOf(3));
  const second = send(two);
  stored(second.session, ['x'], 'b');
  second.ended(tokensOf(3));
  removed('c');
  expect(prefixes.matchLength(one)).toBe(2);
  expect(prefixes.matchLength(two)).toBe(3);
});

test('a cache that is cleared is empty', () => {
  send(prompt(100, 4));
  engine.apply({ kind: 'cleared' });
  expect(prefixes.units).toBe(0);
  expect(prefixes.isFull).toBe(false);
});

test('a prompt for which a cleared cache is told is there afterwards', () => {
  const [before, now] = [prompt(100, 4), prompt(200, 4)];
  const sent = [send(before), send(now)];
  // Engines tell at the end of their next step.
  engine.apply({ kind: 'cleared' });
  stored(sent[1]!.session, ['a', 'b', 'c', 'd']);
  sent[1]!.ended(tokensOf(4));
  expect(prefixes.matchLength(now)).toBe(4);
  expect(prefixes.matchLength(before)).toBe(0);
});

test('after missed events the index stays, and is nothing but a guess', () => {
  const blocks = prompt(100, 4);
  const sent = send(blocks);
  stored(sent.session, ['a', 'b', 'c', 'd']);
  sent.ended(tokensOf(4));
  engine.missed();
  removed('d');
  expect(prefixes.matchLength(blocks)).toBe(4);
  // Its place is not known.
  stored('r-9', ['e'], 'd');
  expect(engine.size).toBe(0);
});

test('only one group of layers is followed', () => {
  const blocks = prompt(100, 2);
  const sent = send(blocks);
  stored(sent.session, ['a', 'b']);
  engine.apply({
    ...{ kind: 'stored', blocks: ['a'], parent: undefined, blockTokens: 8 },
    ...{ group: 1, session: sent.session },
  });
  sent.ended(tokensOf(2));
  engine.apply({ kind: 'removed', blocks: ['a', 'b'], group: 1 });
  expect(prefixes.matchLength(blocks)).toBe(2);
});
