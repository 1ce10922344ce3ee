import { encode } from '@msgpack/msgpack';
import { expect, test } from 'vitest';
import { decodeBatch } from './decode.ts';

const big = 0xffff_ffff_ffff_fff1n;
const pack = (...events: unknown[]) => encode([12.5, events, 0], { useBigInt64: true });

test('reads events whose fields are named', () => {
  const batch = decodeBatch(
    pack(
      {
        ...{ type: 'BlockStored', block_hashes: [big, 7], parent_block_hash: null },
        ...{ token_ids: [1, 2, 3, 4], block_size: 2, lora_id: null, medium: 'GPU' },
        ...{ lora_name: null, group_idx: 1, session_id: 'r-1' },
      },
      { type: 'BlockRemoved', block_hashes: [7], medium: 'GPU', group_idx: 1 },
      { type: 'AllBlocksCleared' },
    ),
  );
  const stored = { kind: 'stored', blocks: [big, 7], parent: undefined, blockTokens: 2 };
  expect(batch).toEqual({
    ts: 12.5,
    events: [
      { ...stored, group: 1, session: 'r-1' },
      { kind: 'removed', blocks: [7], group: 1 },
      { kind: 'cleared' },
    ],
  });
});

test('reads events whose fields stand in their order', () => {
  const hash = new Uint8Array([1, 255]);
  const { events } = decodeBatch(
    pack(
      ['BlockStored', [hash], 9, [1, 2], 2, null, 'GPU'],
      ['BlockRemoved', [hash]],
      ['AllBlocksCleared'],
    ),
  );
  const stored = { kind: 'stored', blocks: ['\x01\xff'], parent: 9, blockTokens: 2, group: 0 };
  expect(events).toEqual([
    { ...stored, session: undefined },
    { kind: 'removed', blocks: ['\x01\xff'], group: 0 },
    { kind: 'cleared' },
  ]);
});

test('leaves out other memory and what it does not know', () => {
  const { events } = decodeBatch(
    pack(
      ['BlockStored', [1], null, [1, 2], 2, null, 'CPU'],
      { type: 'BlockRemoved', block_hashes: [1], medium: 'STORAGE' },
      ['BlockMoved', [1]],
      'nonsense',
      null,
    ),
  );
  expect(events).toEqual([]);
});

test('throws at what is no batch', () => {
  expect(() => decodeBatch(encode({ ts: 1 }))).toThrow('no batch');
  expect(() => decodeBatch(new Uint8Array())).toThrow();
});
