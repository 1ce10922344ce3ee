import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const layers = 5;
const hiddenSize = 128;

/**
 * Writes a LoRA adapter for the Skiff model that changes every answer: its numbers follow a formula, so that it
 * is the same each time.
 */
export async function writeAdapter(folder: string, rank = 1): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: 'skiff',
    r: rank,
    lora_alpha: 1,
    lora_dropout: 0,
    bias: 'none',
    target_modules: ['v_proj'],
  };
  await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config));
  const tensors = Array.from({ length: layers }, (_, layer) => layer).flatMap((layer) => {
    const name = `base_model.model.model.layers.${layer}.self_attn.v_proj`;
    return [
      { name: `${name}.lora_A.weight`, shape: [rank, hiddenSize] },
      { name: `${name}.lora_B.weight`, shape: [hiddenSize, rank] },
    ];
  });
  await writeFile(join(folder, 'adapter_model.safetensors'), safetensors(tensors, rank));
}

/** The format of https://github.com/huggingface/safetensors: length of the header, header, numbers. */
function safetensors(tensors: readonly { name: string; shape: number[] }[], rank: number): Buffer {
  const size = rank * hiddenSize * Float32Array.BYTES_PER_ELEMENT;
  const header = Object.fromEntries(
    tensors.map(({ name, shape }, index) => [
      name,
      { dtype: 'F32', shape, data_offsets: [index * size, (index + 1) * size] },
    ]),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const numbers = Float32Array.from({ length: (tensors.length * size) / 4 }, (_, index) =>
    Math.sin(index * 12.9898),
  );
  return Buffer.concat([length, text, Buffer.from(numbers.buffer)]);
}
