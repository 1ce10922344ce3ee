import { appendFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { createClient } from '../../kube/client.ts';
import { type ControlPlane, startControlPlane } from '../../test/kube/control-plane.ts';
import { measureFacts } from './informer-facts.ts';
import { measureLoading } from './loading.ts';
import { fill, measureCalls, measureHandover, measureLatency, measureMirror } from './measure.ts';
import { renderPage } from './page.ts';
import type { Access } from './workers.ts';

/** One run, a line in results.jsonl. */
export interface Results {
  date: string;
  machine: string;
  calls: Awaited<ReturnType<typeof measureCalls>>;
  mirror: Awaited<ReturnType<typeof measureMirror>>;
  latency: Awaited<ReturnType<typeof measureLatency>>;
  handover: Awaited<ReturnType<typeof measureHandover>>;
  facts: Awaited<ReturnType<typeof measureFacts>>;
  loading: ReturnType<typeof measureLoading>;
}

async function describeMachine(plane: ControlPlane): Promise<string> {
  const client = createClient(plane.config);
  const { gitVersion } = await client.getPath<{ gitVersion: string }>('/version');
  await client.close();
  const memoryGib = Math.round(totalmem() / 2 ** 30);
  const model = cpus()[0]?.model ?? 'unknown CPU';
  return `${cpus().length} cores (${model}), ${memoryGib} GiB, Linux ${release()}, Node ${process.version}, Kubernetes ${gitVersion}`;
}

async function main(): Promise<void> {
  const say = (line: string) => process.stderr.write(`${new Date().toISOString()} ${line}\n`);
  const plane = await startControlPlane();
  try {
    const { ca = '', headers } = await plane.config.credentials();
    const token = headers?.authorization?.replace('Bearer ', '') ?? '';
    const { server } = plane.config;
    const access: Access = { server, token, ca, kubeconfigPath: plane.kubeconfigPath };
    say('filling: 500 and 10,000 objects');
    await fill(plane, 'few', 500);
    await fill(plane, 'many', 10_000);
    say('calls');
    const calls = await measureCalls(access, 'few');
    say('mirrors');
    const mirror = await measureMirror(access, 'many');
    say('latency');
    const latency = await measureLatency(plane, access, 'few');
    say('handover');
    const handover = await measureHandover(access);
    say('what each side does');
    const [facts, loading] = [await measureFacts(), measureLoading()];
    const date = new Date().toISOString().slice(0, 10);
    const machine = await describeMachine(plane);
    const results: Results = { date, machine, calls, mirror, latency, handover, facts, loading };
    // One line for each run, so that runs can be compared.
    appendFileSync(join(import.meta.dirname, 'results.jsonl'), `${JSON.stringify(results)}\n`);
    const page = renderPage(results);
    writeFileSync(join(import.meta.dirname, 'README.md'), page);
    process.stdout.write(page);
  } finally {
    await plane.stop();
  }
}

// Ends through the exit handlers, which take the control plane along.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
await main();
// client-node's agents would hold the process for a while.
process.exit(0);
