import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { EngineType } from '../../crds/modeldeployment/engine.ts';
import { eventually } from '../../kube/testing/wait.ts';
import { openRaw, post, type RawClient } from '../../router/testing/raw-client.ts';
import { startTestRouter, type TestRouter } from '../../router/testing/test-router.ts';
import { startLlamaServer } from '../support/engines/llama-server.ts';
import type { EngineProcess } from '../support/engines/process.ts';
import { startVllm } from '../support/engines/vllm.ts';
import { testedUpstreams } from './tested.ts';
import { serve } from './upstreams.ts';

const model = 'local/skiff';

/** What an engine is doing, in its own words. */
interface Load {
  running: number;
  queued: number;
}

const idle: Load = { running: 0, queued: 0 };

interface TestedEngine {
  type: EngineType;
  /**
   * llama-server looks whether a client that got no byte yet is still there when nothing has been
   * asked of it or made by it for 1 s: a shorter interval of questions keeps it from looking.
   */
  quietMs: number;
  /** So many that the answer is not over before the test is. */
  maxTokens: number;
  start(): Promise<EngineProcess>;
  load(url: string): Promise<Load>;
}

const engines: Record<'llama-server' | 'vLLM', TestedEngine> = {
  'llama-server': {
    type: 'LlamaCpp',
    quietMs: 1_500,
    maxTokens: 1_000_000,
    // One slot, and answers without an end.
    start: () =>
      startLlamaServer([
        ...['--alias', model, '--parallel', '1', '--context-shift', '--threads', '1'],
        ...['--slots', '--metrics'],
      ]),
    load: async (url) => {
      const slots = (await (await fetch(`${url}/slots`)).json()) as { is_processing: boolean }[];
      const running = slots.filter((slot) => slot.is_processing).length;
      return { running, queued: await metric(url, 'llamacpp:requests_deferred') };
    },
  },
  vLLM: {
    type: 'vLLM',
    quietMs: 20,
    maxTokens: 1_900,
    start: () => startVllm(['--served-model-name', model, '--max-num-seqs', '1']),
    load: async (url) => ({
      running: await metric(url, 'vllm:num_requests_running'),
      queued: await metric(url, 'vllm:num_requests_waiting'),
    }),
  },
};

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1]);
}

describe.each(testedUpstreams(['llama-server', 'vLLM']))('%s', (name) => {
  let engine: EngineProcess;
  let router: TestRouter;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    engine = await engines[name].start();
    router = await startTestRouter();
    await serve(router, [{ name: model, engine, features: ['Chat'], type: engines[name].type }]);
  }, 400_000);
  afterAll(async () => {
    await router?.stop();
    await engine?.stop();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.socket.destroy();
    await untilLoad('idle', idle, engines[name].quietMs);
  });

  /** Asks for an answer that is as long as the engine lets it be. */
  const open = (stream: boolean) => {
    const messages = [{ role: 'user', content: 'Tell me a story.' }];
    const long = { ignore_eos: true, max_tokens: engines[name].maxTokens };
    const body = JSON.stringify({ model, messages, stream, ...long });
    const client = openRaw(router.address, post('/v1/chat/completions', body));
    clients.push(client);
    return client;
  };
  const untilLoad = (what: string, wanted: Load, pollIntervalMs = 20) =>
    eventually(`the engine is ${what}`, async () => {
      await delay(pollIntervalMs);
      const load = await engines[name].load(engine.url);
      return load.running === wanted.running && load.queued === wanted.queued;
    });
  /** Goes, and tells how long the engine went on. */
  const leave = async (client: RawClient, phase: string, pollIntervalMs?: number) => {
    const leftMs = performance.now();
    client.socket.destroy();
    await untilLoad(`rid of a client that was ${phase}`, idle, pollIntervalMs);
    const tookMs = Math.round(performance.now() - leftMs);
    console.log(`${name}: client gone while ${phase}: seen idle after ${tookMs} ms`);
    expect(router.inFlight()).toBe(0);
  };

  test('a client that goes while its answer streams frees the engine', async () => {
    const client = open(true);
    await client.received(/data: .*data: /s);
    await leave(client, 'streaming');
  });

  test('a client that goes while it waits for the first byte frees the engine', async () => {
    const client = open(false);
    await untilLoad('busy', { running: 1, queued: 0 });
    await leave(client, 'waiting', engines[name].quietMs);
  });

  test('a client that goes while the engine has it queued leaves nothing behind', async () => {
    const first = open(true);
    await first.received(/data: /);
    const second = open(true);
    await untilLoad('full', { running: 1, queued: 1 });
    second.socket.destroy();
    await eventually('the router let go of it', () => router.inFlight() === 1);
    await leave(first, 'queued, then the one before it');
  });
});
