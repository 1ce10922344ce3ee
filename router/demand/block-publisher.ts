import type { Writable } from 'node:stream';
import { encodeDemand, type PodBlocks } from '../../protocol/demand.ts';
import { type BlockList, encodeBlocks, listOf } from '../balance/block-list.ts';

/** News that come within this time are told together. */
const coalesceMs = 20;
/** Blocks of one line at most, so that a line is read without a pause. */
const blocksOfLine = 4_096;
/** What is kept for one who does not keep up; news beyond it are lost to them. */
const backlogBytes = 4 << 20;

interface Follower {
  /** Lines that wait until the stream takes more. */
  backlog: string[];
  backlogBytes: number;
}

/**
 * Tells other routers which blocks of prompts pods will have in their prefix caches (protocol/demand): all
 * that is known when one begins to follow, then what is new. It is a hint: nothing is told twice, and who
 * cannot keep up misses some.
 */
export class BlockPublisher {
  readonly #known: () => Iterable<{ id: string; blocks: BlockList }>;
  readonly #followers = new Map<Writable, Follower>();
  #news: { id: string; blocks: Int32Array; areGone: boolean }[] = [];
  #soon: NodeJS.Timeout | undefined;

  /** @param known the blocks that pods are thought to have, by their uid */
  constructor(known: () => Iterable<{ id: string; blocks: BlockList }>) {
    this.#known = known;
  }

  /** Writes all that is known to a stream, and the news until it closes. */
  follow(stream: Writable): void {
    const follower: Follower = { backlog: [], backlogBytes: 0 };
    this.#followers.set(stream, follower);
    const leave = () => void this.#followers.delete(stream);
    stream.once('close', leave);
    stream.once('error', leave);
    stream.on('drain', () => flush(stream, follower));
    void this.#tellAll(stream, follower);
  }

  /** A pod was sent a prompt with these blocks. */
  prompted = (id: string, blocks: Int32Array): void => {
    this.#later(id, blocks, false);
  };

  /** A pod has told that these blocks are gone. */
  dropped = (id: string, keys: readonly number[]): void => {
    this.#later(id, Int32Array.from(keys), true);
  };

  #later(id: string, blocks: Int32Array, areGone: boolean): void {
    if (this.#followers.size === 0 || blocks.length === 0) return;
    this.#news.push({ id, blocks, areGone });
    this.#soon ??= setTimeout(() => this.#tell(), coalesceMs);
  }

  #tell(): void {
    this.#soon = undefined;
    const news = this.#news.map(({ id: uid, blocks, areGone }) => {
      const list = encodeBlocks(listOf(blocks));
      return areGone ? { uid, list: '', gone: list } : { uid, list };
    });
    this.#news = [];
    const line = lineOf(news);
    for (const [stream, follower] of this.#followers) send(stream, follower, line);
  }

  /** Pod by pod, each when the one before is on its way: meanwhile requests are served. */
  async #tellAll(stream: Writable, follower: Follower): Promise<void> {
    for (const { id, blocks } of this.#known()) {
      for (let at = 0; at < blocks.keys.length; at += blocksOfLine) {
        const keys = blocks.keys.subarray(at, at + blocksOfLine);
        const sizes = blocks.sizes.subarray(at, at + blocksOfLine);
        while (stream.writableNeedDrain && !stream.destroyed) await drained(stream);
        if (stream.destroyed) return;
        send(stream, follower, lineOf([{ uid: id, list: encodeBlocks({ keys, sizes }) }]));
      }
    }
  }
}

function lineOf(blocks: PodBlocks[]): string {
  return encodeDemand({ full: false, models: [], pods: [], blocks });
}

function send(stream: Writable, follower: Follower, line: string): void {
  if (!stream.writableNeedDrain) stream.write(line);
  else if (follower.backlogBytes + line.length <= backlogBytes) {
    follower.backlog.push(line);
    follower.backlogBytes += line.length;
  }
}

function flush(stream: Writable, follower: Follower): void {
  for (const line of follower.backlog) stream.write(line);
  follower.backlog = [];
  follower.backlogBytes = 0;
}

/** Waits until a stream takes more or has ended. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}
