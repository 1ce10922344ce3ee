import { expect } from 'vitest';
import { startTestRouter } from '../../router/testing/test-router.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Ports of the loopback that lead to a vLLM's. */
export interface VllmPorts {
  readonly http: number;
  readonly kvEvents: number;
  readonly kvReplay: number;
}

/** Of 256 bytes. */
const unitsEach = 6;

/** A prompt of about 600 tokens that begins like no other. */
const promptOf = (topic: string) =>
  `${topic}: the boats lie at their moorings. `.repeat(48).slice(0, 256 * unitsEach);

/**
 * Expects that a router that follows this vLLM's KV events knows what is in its prefix cache, as vLLM's own
 * metrics have it, when one prompt more was sent than fits.
 */
export async function expectIndexToFollow(
  ports: VllmPorts,
  model: string,
  fitting: number,
): Promise<void> {
  const router = await startTestRouter();
  try {
    router.putModel('kv', { servedName: model, engine: 'vLLM' });
    const kvEvents = { port: ports.kvEvents, replayPort: ports.kvReplay };
    router.putPod('kv', 'kv-0', ports.http, { kvEvents });
    await router.untilReplicas(model, 1);
    await waitUntil('the router follows', () =>
      router.everyLine.some(([, text]) => text === 'following KV events') ? true : undefined,
    );
    const knownUnits = () => {
      const [load] = [...router.loads.blocks()].map(({ id }) => router.loads.find(id));
      return load?.prefixes.units ?? 0;
    };
    const ask = async (topic: string) => {
      const response = await fetch(`${router.address}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model, prompt: promptOf(topic), max_tokens: 1 }),
      });
      expect(response.status, await response.text()).toBe(200);
    };
    const read = async (text: Promise<string>, name: string) =>
      Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(await text)?.[1] ?? 0);
    const engineSays = async (name: string) =>
      read(
        fetch(`http://127.0.0.1:${ports.http}/metrics`).then((answer) => answer.text()),
        name,
      );
    /** The share of the next prompt that is cached: as the router expects it, and as it is. */
    const cachedShares = async (topic: string) => {
      const counted = async () => ({
        expected: await read(router.metrics(), 'fairlead_prefix_hit_blocks_total'),
        units: await read(router.metrics(), 'fairlead_prefix_lookup_blocks_total'),
        hits: await engineSays('vllm:prefix_cache_hits_total'),
        queries: await engineSays('vllm:prefix_cache_queries_total'),
      });
      const before = await counted();
      await ask(topic);
      const after = await counted();
      return {
        expected: (after.expected - before.expected) / (after.units - before.units),
        real: (after.hits - before.hits) / (after.queries - before.queries),
      };
    };

    await ask('first');
    for (let at = 1; at < fitting; at++) await ask(`another ${at}`);
    expect(knownUnits()).toBe(fitting * unitsEach);
    await ask('last');
    await waitUntil('what the last drove out is gone', () =>
      knownUnits() < (fitting + 1) * unitsEach ? true : undefined,
    );
    const gone = await cachedShares('first');
    expect(gone.real).toBeLessThan(0.8);
    expect(Math.abs(gone.expected - gone.real)).toBeLessThan(0.25);
    const back = await cachedShares('first');
    expect(back.real).toBeGreaterThan(0.8);
    expect(Math.abs(back.expected - back.real)).toBeLessThan(0.25);

    const reset = await fetch(`http://127.0.0.1:${ports.http}/reset_prefix_cache`, {
      method: 'POST',
    });
    expect(reset.status).toBe(200);
    // It is told with what the next step does.
    await ask('next');
    await waitUntil('nothing else is known of it', () =>
      knownUnits() === unitsEach ? true : undefined,
    );
  } finally {
    await router.stop();
  }
}
