import { readFileSync } from 'node:fs';
import type { SimRequest, Workload } from './request.ts';

const blockTokens = 512;
/** How long the record is, in seconds. */
export const traceS = 3_600;

/** A line of the trace. */
interface TraceLine {
  /** Milliseconds. */
  timestamp: number;
  input_length: number;
  output_length: number;
  hash_ids: number[];
}

/**
 * Reads a trace in the format of Mooncake's FAST'25 release
 * (https://github.com/kvcache-ai/Mooncake/tree/main/FAST25-release): a JSON object a line, with ids of the
 * prompt's blocks of 512 tokens.
 * @param speed how many times faster than it was recorded
 * @param fromS where in the record the part begins that is played, and `forS` how long it is; seconds
 */
export function readMooncake(path: string, speed: number, fromS: number, forS: number): Workload {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TraceLine)
    .filter(({ timestamp: ms }) => ms >= fromS * 1000 && ms < (fromS + forS) * 1000);
  const common = commonBlocks(lines);
  const arrivals = lines.map((line) => {
    const { timestamp, input_length: inputTokens, output_length, hash_ids: ids } = line;
    const promptBlocks = Math.floor(inputTokens / blockTokens);
    const request: SimRequest = {
      inputTokens,
      outputTokens: Math.max(2, output_length),
      blocks: Int32Array.from(ids.slice(0, promptBlocks)),
      promptBlocks: Math.min(promptBlocks, ids.length),
      headKey: ids.slice(0, 3).find((id) => !common.has(id)) ?? ids[0] ?? 0,
    };
    return { atS: (timestamp / 1000 - fromS) / speed, request };
  });
  return { name: 'mooncake', blockTokens, arrivals };
}

/** Blocks at the beginning of more than a twentieth of the prompts: system prompts. */
function commonBlocks(lines: readonly TraceLine[]): Set<number> {
  const counts = new Map<number, number>();
  for (const { hash_ids } of lines) {
    for (const id of hash_ids.slice(0, 3)) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const often = [...counts].filter(([, count]) => count > lines.length / 20);
  return new Set(often.map(([id]) => id));
}
