import { unitsBefore } from './blocks.ts';
import { pick } from './pick.ts';
import type { ReplicaLoad } from './replica-load.ts';

/** A prompt as the rule sees it. */
export interface Prompt {
  /** All of its tokens. */
  readonly tokens: number;
  /** Chained hashes of its blocks, from the first on. */
  readonly blocks: Int32Array;
  readonly tokensPerUnit: number;
  /** Tokens that its answer is expected to have. */
  readonly answerTokens: number;
  /** Equal for prompts that should go the same way where they are new. */
  readonly key: number;
  /** Any number: decides among equals for a prompt that is not new. */
  readonly chance: number;
  /** Requests that a replica works on at once. */
  readonly concurrency: number;
}

/** Which replica, and why: it has the beginning of the prompt; it has less to do; nobody has it. */
export interface PrefixChoice {
  /** Its position among the candidates. */
  readonly at: number;
  readonly reason: 'prefix' | 'load' | 'cold';
  /** Leading blocks of the prompt that it is expected to have. */
  readonly matchedBlocks: number;
}

let matched = new Int32Array(0);
let uncached = new Float64Array(0);

/** Chooses by {@link pick}; undefined when there is no candidate. Changes nothing. */
export function choosePrefixAware(
  candidates: readonly ReplicaLoad[],
  prompt: Prompt,
): PrefixChoice | undefined {
  if (matched.length < candidates.length) {
    matched = new Int32Array(2 * candidates.length);
    uncached = new Float64Array(2 * candidates.length);
  }
  let longest = 0;
  let guess = 0;
  let sharers = 0;
  for (let at = 0; at < candidates.length; at++) {
    const { prefixes } = candidates[at] as ReplicaLoad;
    const blocks = prefixes.matchLength(prompt.blocks, guess);
    if (blocks > 0) guess = blocks;
    matched[at] = blocks;
    uncached[at] = uncachedTokens(prompt, blocks);
    if (blocks === 0 || blocks < longest) continue;
    const users = prefixes.users(prompt.blocks[blocks - 1] as number);
    sharers = blocks > longest ? users : Math.max(sharers, users);
    longest = blocks;
  }
  const { tokens, answerTokens, concurrency } = prompt;
  const key = longest === 0 ? prompt.key : prompt.chance;
  const at = pick(candidates, uncached, { tokens, answerTokens, sharers, key, concurrency });
  if (at < 0) return undefined;
  const matchedBlocks = matched[at] ?? 0;
  const reason = longest === 0 ? 'cold' : matchedBlocks === longest ? 'prefix' : 'load';
  return { at, reason, matchedBlocks };
}

/** The most that one of these replicas is expected to have of a prompt, of all its blocks. */
export function matchedShare(loads: readonly ReplicaLoad[], blocks: Int32Array): number {
  let longest = 0;
  for (const { prefixes } of loads) {
    longest = Math.max(longest, prefixes.matchLength(blocks, longest));
  }
  return (unitsBefore[longest] ?? 0) / Math.max(1, unitsBefore[blocks.length] ?? 0);
}

/** Tokens, a whole number of them, that a replica computes of a prompt of which it has some blocks. */
export function uncachedTokens(prompt: Prompt, matchedBlocks: number): number {
  const cached = (unitsBefore[matchedBlocks] ?? 0) * prompt.tokensPerUnit;
  return Math.max(1, Math.round(prompt.tokens - cached));
}
