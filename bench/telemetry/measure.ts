import { setImmediate as turn } from 'node:timers/promises';

/** About what one turn of the event loop brings at full load. */
const perTurn = 50;

/**
 * CPU microseconds that one call takes, of the whole process: garbage collection and what is exported of it too.
 * @param flush exports all that waits; it belongs to the calls that made it
 */
export async function cpuUsOf(
  call: () => void,
  count: number,
  flush: () => Promise<void>,
): Promise<number> {
  const before = process.cpuUsage();
  for (let done = 0; done < count; done += perTurn) {
    for (let one = 0; one < perTurn; one++) call();
    await turn();
  }
  await flush();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

/** The middle of the values and what half of them are between. */
export interface Spread {
  median: number;
  quartiles: [lower: number, upper: number];
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;
  return { median: at(0.5), quartiles: [at(0.25), at(0.75)] };
}
