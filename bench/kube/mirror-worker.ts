import { createInterface } from 'node:readline';
import { loadSide } from './clients.ts';
import { type Access, type Contender, report, workerInput } from './workers.ts';

/**
 * Mirrors a namespace and reports time and memory of the first list; then does what it is told:
 * `relist`, or `ages`: report how old each update was that came since.
 */
const { contender, access, namespace } = workerInput<{
  contender: Contender;
  access: Access;
  namespace: string;
}>();
const memory = () => {
  globalThis.gc?.();
  return {
    rssMb: process.memoryUsage().rss / 2 ** 20,
    peakRssMb: process.resourceUsage().maxRSS / 2 ** 10,
  };
};
const nowMs = () => performance.timeOrigin + performance.now();

const side = await loadSide(contender);
const emptyRssMb = memory().rssMb;
const mirror = side.mirrorOf(access, namespace);
let ages: number[] = [];
mirror.onUpdate(({ sentAtMs }) => {
  if (sentAtMs) ages.push(nowMs() - Number(sentAtMs));
});
const startMs = performance.now();
await mirror.start();
report({ listMs: performance.now() - startMs, objects: mirror.size(), emptyRssMb, ...memory() });

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'relist') report({ relistMs: await mirror.relist(), ...memory() });
  if (line === 'ages') {
    report({ ages });
    ages = [];
  }
}
