import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { untilIdle } from './drain.ts';
import { engines } from './engines.ts';

let closeServer = () => {};
afterEach(() => closeServer());

/** Runs the command against a server that answers /metrics as `metrics` says. */
async function drain(gauges: readonly string[], metrics: () => string | undefined) {
  const server = createServer((request, response) => {
    const text = request.url === '/metrics' ? metrics() : '';
    if (text !== undefined) response.end(text);
  });
  closeServer = () => {
    server.close();
    server.closeAllConnections();
  };
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const [program = '', ...args] = untilIdle(port, gauges).exec?.command ?? [];
  const child = spawn(program, args, { stdio: 'ignore' });
  const ended = once(child, 'close').then(([code]) => code as number);
  return { ended, close: closeServer };
}

/** How each engine writes a gauge. */
const written = {
  vLLM: (name: string, value: number) => `${name}{engine="0",model_name="org/a b"} ${value}.0`,
  SGLang: (name: string, value: number) => `${name}{model_name="skiff"} ${value}.0`,
  LlamaCpp: (name: string, value: number) => `${name} ${value}`,
  TGI: (name: string, value: number) => `${name} ${value}`,
} as const;
const types = Object.keys(written) as (keyof typeof written)[];

function gaugesOf(type: keyof typeof written) {
  const { running = '', waiting = '' } = engines[type].metrics ?? {};
  const counts = (isRunning: number, isWaiting: number) =>
    [
      `# HELP ${running} x`,
      written[type](`${running}_other`, 7),
      written[type](running, isRunning),
      written[type](waiting, isWaiting),
      '',
    ].join('\n');
  return { gauges: [running, waiting], counts };
}

describe.each(types)('%s', (type) => {
  const { gauges, counts } = gaugesOf(type);

  test('the drain ends only when nothing has been running or waiting twice in a row', async () => {
    const answers = [
      counts(2, 1),
      counts(0, 1),
      counts(0, 0),
      counts(1, 0),
      counts(0, 0),
      counts(0, 0),
    ];
    let asked = 0;
    const { ended } = await drain(gauges, () => answers[asked++] ?? counts(9, 9));
    expect(await ended).toBe(0);
    expect(asked).toBe(answers.length);
  });
});

const { gauges, counts } = gaugesOf('LlamaCpp');

test('the drain ends when the engine is not there', async () => {
  const { ended, close } = await drain(gauges, () => undefined);
  close();
  expect(await ended).toBe(0);
});

test('an engine that does not answer counts as busy', { timeout: 20_000 }, async () => {
  let asked = 0;
  const { ended } = await drain(gauges, () => (asked++ === 0 ? undefined : counts(0, 0)));
  expect(await ended).toBe(0);
  expect(asked).toBe(3);
});
