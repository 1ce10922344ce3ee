const layers = 5;
const hiddenSize = 128;
const alignment = 32;
/** Types of metadata and tensors in GGUF. */
const type = { string: 8, float: 6, f32: 0 } as const;

/**
 * The file of a LoRA adapter of rank 1 for the Skiff model as llama.cpp reads it, which changes every answer: its
 * numbers follow a formula, so that it is the same each time. Format:
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 * @param seed another one is another adapter
 */
export function ggufAdapter(seed: number): Buffer {
  const tensors = Array.from({ length: layers }, (_, layer) => layer).flatMap((layer) => {
    const name = `blk.${layer}.attn_v.weight`;
    return [
      { name: `${name}.lora_a`, shape: [hiddenSize, 1] },
      { name: `${name}.lora_b`, shape: [1, hiddenSize] },
    ];
  });
  const metadata = [
    ['general.type', 'adapter'],
    ['general.architecture', 'llama'],
    ['adapter.type', 'lora'],
    ['adapter.lora.alpha', 1],
  ] as const;
  const sizeBytes = hiddenSize * Float32Array.BYTES_PER_ELEMENT;
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(metadata.length),
    ...metadata.flatMap(([key, value]) => [text(key), typed(value)]),
    ...tensors.flatMap(({ name, shape }, index) => [
      text(name),
      u32(shape.length),
      ...shape.map(u64),
      u32(type.f32),
      u64(index * sizeBytes),
    ]),
  ]);
  const padding = Buffer.alloc((alignment - (header.length % alignment)) % alignment);
  const numbers = Float32Array.from({ length: tensors.length * hiddenSize }, (_, index) =>
    Math.sin(index * 12.9898 * seed),
  );
  return Buffer.concat([header, padding, Buffer.from(numbers.buffer)]);
}

function typed(value: string | number): Buffer {
  if (typeof value === 'string') return Buffer.concat([u32(type.string), text(value)]);
  const number = Buffer.alloc(4);
  number.writeFloatLE(value);
  return Buffer.concat([u32(type.float), number]);
}

function text(value: string): Buffer {
  return Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
