import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { modelDeployment } from '../testing/fixtures.ts';
import { llamaCpp } from './llamacpp.ts';
import { llamaCppOwned } from './llamacpp-flags.ts';

const engine = (rest: Record<string, unknown>) =>
  modelDeployment({ engine: { type: 'LlamaCpp', ...rest } }).spec;
const argsOf = (spec: Record<string, unknown>) =>
  llamaCpp
    .args({ spec: modelDeployment(spec).spec, servedNames: ['skiff'], modelPath: '/m' })
    .join(' ');

test.each([
  [['--port', '1'], '--port', 'Fairlead chooses the address'],
  [['--port=1'], '--port', 'Fairlead chooses the address'],
  [['-v', '-m', 'x.gguf'], '-m', 'spec.source.uri'],
  [['-c', '4096'], '-c', 'spec.engine.contextLength'],
  [['--parallel', '2'], '--parallel', 'spec.engine.maxConcurrency'],
  [['--alias', 'x'], '--alias', 'spec.servedName'],
  [['--embeddings'], '--embeddings', 'spec.engine.features'],
  [['--api-key', 'x'], '--api-key', 'The router sends no key'],
])('the arguments %j are refused with what to use instead', (args, what, remedy) => {
  const refusal = llamaCpp.refusal(engine({ args }));
  expect(refusal).toMatchObject({ field: 'spec.engine.args', what });
  expect(refusal?.remedy).toContain(remedy);
});

test('a variable that does the same as a refused flag is refused', () => {
  const env = [{ name: 'LLAMA_ARG_PORT', value: '1' }];
  expect(llamaCpp.refusal(engine({ env }))).toMatchObject({
    field: 'spec.engine.env',
    what: 'LLAMA_ARG_PORT',
  });
});

test.each([
  [undefined],
  [['--no-mmap']],
  [['--threads', '2', '--pooling', 'cls', '--model-draft', 'x']],
])('the arguments %j are allowed', (args) => {
  expect(llamaCpp.refusal(engine({ ...(args && { args }) }))).toBeUndefined();
});

test('every flag that Fairlead gives is refused to the user, but those that only are defaults', () => {
  const given = argsOf({
    engine: { type: 'LlamaCpp', contextLength: 1, features: ['Embeddings'] },
    resources: { limits: { cpu: 1 } },
  });
  const refused = llamaCppOwned.flatMap(({ flags }) => flags);
  const allowed = given
    .split(' ')
    .filter((argument) => argument.startsWith('--') && !refused.includes(argument));
  expect(allowed).toEqual(['--threads', '--pooling']);
});

test('the context is what one request may use times the requests at once', () => {
  const context = { type: 'LlamaCpp', contextLength: 1000 };
  expect(argsOf({ engine: context })).toContain('--parallel 4 --ctx-size 4000');
  expect(argsOf({ engine: { ...context, maxConcurrency: 3 } })).toContain('--ctx-size 3000');
  expect(argsOf({})).not.toContain('--ctx-size');
});

test.each([
  [{ limits: { cpu: '1500m' } }, '--threads 2'],
  [{ limits: { cpu: 4 }, requests: { cpu: 1 } }, '--threads 4'],
  [{ requests: { cpu: '100m' } }, '--threads 1'],
])('CPU of %j means %s', (resources, expected) => {
  expect(argsOf({ resources })).toContain(expected);
});

test.each([
  [{}],
  [{ resources: { limits: { memory: '1Gi' } } }],
  [{ resources: { limits: { cpu: '5G' } } }],
])('with %j the engine chooses its threads', (spec) => {
  expect(argsOf(spec)).not.toContain('--threads');
});

let closeServer = () => {};
afterEach(() => closeServer());

/** Runs the drain command against a server that answers /metrics as `metrics` says. */
async function drain(metrics: () => string | undefined) {
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
  const [program = '', ...args] = llamaCpp.drainCommand();
  const script = args.map((argument) => argument.replaceAll('/8080', `/${port}`));
  const child = spawn(program, script, { stdio: 'ignore' });
  const ended = once(child, 'close').then(([code]) => code as number);
  return { ended, close: closeServer };
}

const counts = (running: number, waiting: number) =>
  `# HELP x\nllamacpp:requests_processing ${running}\nllamacpp:requests_deferred ${waiting}\n`;

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
  const { ended } = await drain(() => answers[asked++] ?? counts(9, 9));
  expect(await ended).toBe(0);
  expect(asked).toBe(answers.length);
});

test('the drain ends when the engine is not there', async () => {
  const { ended, close } = await drain(() => undefined);
  close();
  expect(await ended).toBe(0);
});

test('an engine that does not answer counts as busy', { timeout: 20_000 }, async () => {
  let asked = 0;
  const { ended } = await drain(() => (asked++ === 0 ? undefined : counts(0, 0)));
  expect(await ended).toBe(0);
  expect(asked).toBe(3);
});
