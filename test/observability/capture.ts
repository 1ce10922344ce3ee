import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startLlamaServer } from '../support/engines/llama-server.ts';
import type { EngineProcess } from '../support/engines/process.ts';
import { startVllm } from '../support/engines/vllm.ts';

const folder = join(import.meta.dirname, '../../charts/dashboards/fixtures');
const engines: Record<string, () => Promise<EngineProcess>> = {
  'llama-server': () => startLlamaServer(['--alias', 'skiff', '--metrics', '--threads', '1']),
  vllm: () => startVllm(['--served-model-name', 'skiff', '--max-num-seqs', '8']),
};

/**
 * Of an exposition, each metric's type and the first of its samples: which names and labels there are.
 * Metrics of the process and of the HTTP library are left out.
 */
export function outlineOf(exposition: string): string {
  const seen = new Set<string>();
  const lines = exposition.split('\n').filter((line) => {
    const name = /^(?:# TYPE )?([a-zA-Z_:][\w:]*)/.exec(line)?.[1];
    if (name === undefined || !/^(vllm|llamacpp):/.test(name)) return false;
    const key = line.startsWith('#') ? line : name;
    return !seen.has(key) && seen.add(key);
  });
  return `${lines.join('\n')}\n`;
}

/** Writes what the real engines show after one answer: node test/observability/capture.ts [engine …] */
if (import.meta.main) {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(engines);
  for (const name of names) {
    const engine = await engines[name]?.();
    if (!engine) throw new Error(`${name} is none of ${Object.keys(engines).join()}`);
    const messages = [{ role: 'user', content: 'Who are you?' }];
    const response = await fetch(`${engine.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'skiff', messages, max_tokens: 8 }),
    });
    if (!response.ok) throw new Error(await response.text());
    const exposition = await (await fetch(`${engine.url}/metrics`)).text();
    await writeFile(join(folder, `${name}.prom`), outlineOf(exposition));
    await engine.stop();
  }
}
