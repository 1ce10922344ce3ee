import { loadSide } from './clients.ts';
import { type Access, type Contender, report, workerInput } from './workers.ts';

/** Calls in a closed loop of eight for a while; reports calls, seconds and CPU of this process. */
const input = workerInput<{
  contender: Contender;
  access: Access;
  verb: 'get' | 'list' | 'patch';
  namespace: string;
  durationMs: number;
}>();
const calls = (await loadSide(input.contender)).callsOf(input.access);
let count = 0;

async function loop(untilMs: number): Promise<void> {
  while (performance.now() < untilMs) {
    const { verb, namespace } = input;
    if (verb === 'list') await calls.list(namespace);
    else if (verb === 'get') await calls.get(namespace, `m${count % 100}`);
    else await calls.patch(namespace, `m${count % 100}`, { changed: `${count}` });
    count++;
  }
}
const run = (durationMs: number) => {
  const untilMs = performance.now() + durationMs;
  return Promise.all(Array.from({ length: 8 }, () => loop(untilMs)));
};

await run(500);
count = 0;
const startMs = performance.now();
const before = process.cpuUsage();
await run(input.durationMs);
const { user, system } = process.cpuUsage(before);
report({
  calls: count,
  seconds: (performance.now() - startMs) / 1000,
  cpuMs: (user + system) / 1000,
});
process.exit(0);
