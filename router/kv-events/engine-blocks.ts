import type { BlockLru } from '../balance/block-lru.ts';
import { unitBytes, unitsBefore } from '../balance/blocks.ts';
import type { PromptTracker, TrackedPrompt } from '../balance/replica-load.ts';
import type { BlockId, KvEvent } from './decode.ts';

/** Requests whose blocks are awaited, of one replica, at most. */
const mostAwaited = 1_024;

/** A block in the engine's prefix cache. */
interface EngineBlock {
  readonly parent: BlockId | undefined;
  /** Tokens from the beginning of the prompt to this block's end. */
  readonly end: number;
  /** Blocks of prompts' text that are there as long as this one is. */
  texts: number[] | undefined;
}

interface Awaited {
  readonly blocks: Int32Array;
  readonly promptBytes: number;
  /** The last block that it stored, so far. */
  tip: BlockId | undefined;
  /** Known at its end. */
  tokens: number | undefined;
}

/**
 * Keeps what a replica is thought to have in its prefix cache to what its engine says. Prompts are known here
 * by blocks of their text, to the engine by blocks of tokens; which belong together is told by the requests:
 * each has a session of its own, the engine's events name it, and a text block ends where the same share of
 * the prompt's tokens does. A text block leaves the index with the engine's block at its end.
 */
export class EngineBlocks implements PromptTracker {
  readonly #prefixes: Pick<BlockLru, 'add' | 'remove' | 'clear'>;
  readonly #router: string;
  readonly #dropped: (keys: readonly number[]) => void;
  readonly #blocks = new Map<BlockId, EngineBlock>();
  /** The engine's block that each text block is bound to. */
  readonly #bound = new Map<number, BlockId>();
  /** By session, the oldest first. */
  readonly #awaited = new Map<string, Awaited>();
  #sent = 0;
  /** The group of layers that is followed: the first that is told of. */
  #group: number | undefined;
  #blockTokens = 0;

  /**
   * @param prefixes what the replica is thought to have, by blocks of text
   * @param router distinguishes sessions from those of other routers
   * @param dropped told of text blocks that have left because the engine has dropped them
   */
  constructor(
    prefixes: Pick<BlockLru, 'add' | 'remove' | 'clear'>,
    router: string,
    dropped: (keys: readonly number[]) => void = () => {},
  ) {
    this.#prefixes = prefixes;
    this.#router = router;
    this.#dropped = dropped;
  }

  /** How many of the engine's blocks are known. */
  get size(): number {
    return this.#blocks.size;
  }

  track(blocks: Int32Array, promptBytes: number): TrackedPrompt {
    const session = `${this.#router}-${++this.#sent}`;
    const awaited: Awaited = { blocks, promptBytes, tip: undefined, tokens: undefined };
    this.#awaited.set(session, awaited);
    const [oldest] = this.#awaited.keys();
    if (this.#awaited.size > mostAwaited && oldest !== undefined) this.#awaited.delete(oldest);
    const ended = (tokens: number) => {
      awaited.tokens = tokens;
      this.#bindWhenKnown(session, awaited);
    };
    return { session, ended };
  }

  /** The engine told this, next after what it told before. */
  apply(event: KvEvent): void {
    switch (event.kind) {
      case 'stored':
        this.#stored(event);
        return;
      case 'removed':
        if (event.group === (this.#group ?? event.group)) event.blocks.forEach(this.#removed);
        return;
      case 'cleared':
        this.emptied();
    }
  }

  /** The engine's cache is empty: it was cleared, or the engine is another one. */
  emptied(): void {
    this.#blocks.clear();
    this.#bound.clear();
    this.#prefixes.clear();
  }

  /** Events were missed: what is bound could be gone already, or never go. */
  missed(): void {
    this.#blocks.clear();
    this.#bound.clear();
  }

  #stored({ blocks, parent, blockTokens, group, session }: KvEvent & { kind: 'stored' }): void {
    this.#group ??= group;
    const before = parent === undefined ? 0 : this.#blocks.get(parent)?.end;
    // On top of what is not known its place in the prompt is not known either.
    if (group !== this.#group || before === undefined) return;
    this.#blockTokens = blockTokens;
    let previous = parent;
    for (const [at, id] of blocks.entries()) {
      if (!this.#blocks.has(id)) {
        const end = before + (at + 1) * blockTokens;
        this.#blocks.set(id, { parent: previous, end, texts: undefined });
      }
      previous = id;
    }
    const awaited = session === undefined ? undefined : this.#awaited.get(session);
    if (session === undefined || !awaited) return;
    awaited.tip = previous;
    this.#bindWhenKnown(session, awaited);
  }

  #removed = (id: BlockId): void => {
    const texts = this.#blocks.get(id)?.texts ?? [];
    this.#blocks.delete(id);
    for (const key of texts) {
      this.#bound.delete(key);
      this.#prefixes.remove(key);
    }
    this.#dropped(texts);
  };

  /** Both the engine's blocks and the prompt's tokens are known, whichever came last. */
  #bindWhenKnown(session: string, { blocks, promptBytes, tip, tokens }: Awaited): void {
    if (tip === undefined || tokens === undefined) return;
    const tokensPerUnit = (tokens * unitBytes) / promptBytes;
    let id = tip;
    let block = this.#blocks.get(id);
    // The events of the last part of the prompt are still to come.
    if (block && block.end + this.#blockTokens <= tokens) return;
    this.#awaited.delete(session);
    for (let count = blocks.length; block && count > 0; count--) {
      const end = (unitsBefore[count] as number) * tokensPerUnit;
      // What is shorter than the engine's first block leaves with that.
      while (block && block.end > end && block.parent !== undefined) {
        id = block.parent;
        block = this.#blocks.get(id);
      }
      const key = blocks[count - 1] as number;
      if (!block) return;
      // Then what is before it is bound as well.
      if (this.#bound.has(key)) break;
      this.#bound.set(key, id);
      block.texts ??= [];
      block.texts.push(key);
    }
    // The cache may have been cleared since it was sent.
    this.#prefixes.add(blocks);
  }
}
