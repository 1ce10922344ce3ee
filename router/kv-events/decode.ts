import { Decoder } from '@msgpack/msgpack';

/** An engine's hash of a block and all before it: a number of up to 64 bits, or bytes (as text). */
export type BlockId = number | bigint | string;

/** What an engine tells of its prefix cache. */
export type KvEvent =
  /** It has computed these blocks, each on top of the one before, the first on top of `parent`. */
  | {
      readonly kind: 'stored';
      readonly blocks: readonly BlockId[];
      /** Undefined: the beginning of a prompt. */
      readonly parent: BlockId | undefined;
      /** Of each of the blocks. */
      readonly blockTokens: number;
      /** Groups of layers have blocks of their own. */
      readonly group: number;
      /** The `x-session-id` of the request that made it compute them. */
      readonly session: string | undefined;
    }
  | { readonly kind: 'removed'; readonly blocks: readonly BlockId[]; readonly group: number }
  | { readonly kind: 'cleared' };

/** What came of one step of an engine. */
export interface KvBatch {
  /** When, in seconds of the engine's clock. */
  readonly ts: number;
  readonly events: readonly KvEvent[];
}

/** The order in which an event's fields stand where they are not named. */
const positions = {
  BlockStored: [
    ...['block_hashes', 'parent_block_hash', 'token_ids', 'block_size', 'lora_id', 'medium'],
    ...['lora_name', 'extra_keys', 'group_idx', 'kv_cache_spec_kind'],
    ...['kv_cache_spec_sliding_window', 'locality', 'ownership', 'session_id'],
  ],
  BlockRemoved: ['block_hashes', 'medium', 'group_idx', 'locality', 'ownership'],
  AllBlocksCleared: [],
} as const;

type EventType = keyof typeof positions;
type Fields = Readonly<Record<string, unknown>>;

const decoder = new Decoder({ useBigInt64: true });

/**
 * Reads a batch as vLLM (vllm/distributed/kv_events.py) and SGLang write it with msgspec: the batch is an
 * array, its events are arrays that begin with their type, or maps with a `type`. What concerns memory other
 * than the accelerator's, and events of other types, are left out.
 * @throws Error when it is no batch
 */
export function decodeBatch(payload: Uint8Array): KvBatch {
  const batch = decoder.decode(payload);
  const [ts, events] = Array.isArray(batch) ? batch : [];
  if (typeof ts !== 'number' || !Array.isArray(events)) throw new Error('no batch of KV events');
  return { ts, events: events.flatMap((event) => eventOf(event) ?? []) };
}

function eventOf(event: unknown): KvEvent | undefined {
  const { type, fields } = Array.isArray(event) ? named(event) : tagged(event);
  const { medium, group_idx: groupIndex } = fields;
  const group = typeof groupIndex === 'number' ? groupIndex : 0;
  if (type === 'AllBlocksCleared') return { kind: 'cleared' };
  if (typeof medium === 'string' && medium.toUpperCase() !== 'GPU') return undefined;
  const blocks = blockIds(fields.block_hashes);
  if (type === 'BlockRemoved') return { kind: 'removed', blocks, group };
  if (type !== 'BlockStored' || blocks.length === 0) return undefined;
  const { token_ids: tokens, parent_block_hash: parent, session_id: session } = fields;
  if (!Array.isArray(tokens) || tokens.length === 0) return undefined;
  return {
    ...{ kind: 'stored', blocks, group, parent: blockId(parent) },
    blockTokens: tokens.length / blocks.length,
    session: typeof session === 'string' ? session : undefined,
  };
}

function named([type, ...values]: readonly unknown[]): { type: unknown; fields: Fields } {
  const names = positions[type as EventType] ?? [];
  return { type, fields: Object.fromEntries(names.map((name, at) => [name, values[at]])) };
}

function tagged(event: unknown): { type: unknown; fields: Fields } {
  const fields = typeof event === 'object' && event !== null ? (event as Fields) : {};
  return { type: fields.type, fields };
}

function blockIds(hashes: unknown): BlockId[] {
  return Array.isArray(hashes) ? hashes.flatMap((hash) => blockId(hash) ?? []) : [];
}

function blockId(hash: unknown): BlockId | undefined {
  if (typeof hash === 'number' || typeof hash === 'bigint') return hash;
  return hash instanceof Uint8Array ? Buffer.from(hash).toString('latin1') : undefined;
}
