import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import type { Replica } from '../catalog/model.ts';
import { startUpstream } from '../testing/scripted-upstream.ts';
import { startTestRouter } from '../testing/test-router.ts';
import { KvCapacities, kvTokensIn } from './kv-capacity.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
});

test('what vLLM tells', () => {
  const recorded = readFileSync('charts/dashboards/fixtures/vllm.prom', 'utf8');
  expect(kvTokensIn(recorded)).toBe(209_664);
});

test.each([
  ['of an older vLLM', 'vllm:cache_config_info{block_size="16",num_gpu_blocks="100"} 1.0', 1_600],
  ['of SGLang', 'sglang:max_total_num_tokens{model_name="m"} 4096.0', 4_096],
  [
    'of vLLM that does not know yet',
    'vllm:cache_config_info{num_gpu_blocks="None"} 1.0',
    undefined,
  ],
  ['of another engine', 'llamacpp:prompt_tokens_total 3', undefined],
])('%s', (_, metrics, tokens) => {
  expect(kvTokensIn(`# HELP x\n${metrics}\n`)).toBe(tokens);
});

const replica = (port: number): Replica => ({
  ...{ id: 'r', pod: 'r', namespace: 'default', revision: 'r1', host: '127.0.0.1', port },
});

test('a replica is asked once, and again while it does not answer', async () => {
  let requests = 0;
  const server = createServer((_request, response) => {
    if (++requests === 1) response.destroy();
    else response.end('sglang:max_total_num_tokens 4096.0\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const dispatcher = new Agent();
  cleanUp.push(
    () => server.close(),
    () => dispatcher.destroy(),
  );
  const { port } = server.address() as AddressInfo;
  const told: unknown[] = [];
  const capacities = new KvCapacities((...known) => told.push(known), dispatcher, [1]);
  capacities.retain([replica(port)]);
  await eventually('it is known', () => told.length === 1);
  expect(told).toEqual([['r', 4_096]]);
  capacities.retain([replica(port)]);
  capacities.retain([]);
  capacities.retain([replica(port)]);
  await eventually('one that comes back is asked again', () => told.length === 2);
  expect(requests).toBe(3);
});

test('the router reads it of a vLLM replica and remembers no more than fits', async () => {
  const [upstream, router] = await Promise.all([startUpstream(), startTestRouter()]);
  cleanUp.push(
    () => upstream.stop(),
    () => router.stop(),
  );
  upstream.metrics = 'vllm:cache_config_info{block_size="16",num_gpu_blocks="100"} 1.0\n';
  router.putModel('m', { engine: 'vLLM' });
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1);
  const load = () => Array.from(router.loads.blocks(), ({ id }) => router.loads.of(id)).at(0);
  await eventually('it is known', () => load()?.kvTokens === 1_600);
  const prompt = 'a long one '.repeat(3_000);
  await fetch(`${router.address}/v1/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'm', prompt }),
  });
  expect(load()?.prefixes.units).toBe(25);
});
