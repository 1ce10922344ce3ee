import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError, runCommand } from '../../hack/command.ts';
import { ensurePythonEnvironment } from '../../hack/python-environment.ts';
import type { Target } from './clients/checks.ts';

/** What each check of a client gave, by the check's name. */
export type Outcomes = Record<string, unknown>;

/** A program that asks a target many things and tells what it saw. */
export interface Client {
  /** As in the tables, such as `openai 7.57.0 (Node)`. */
  readonly name: string;
  run(target: Target): Promise<Outcomes>;
}

const folder = join(import.meta.dirname, 'clients');
const modules = join(folder, 'node_modules');
const timeoutMs = 240_000;

/** Every client and suite, with the versions that are installed. */
export async function allClients(): Promise<Client[]> {
  const version = async (name: string) =>
    JSON.parse(await readFile(join(modules, name, 'package.json'), 'utf8')).version as string;
  const pinned = await readFile(join(folder, 'requirements.txt'), 'utf8');
  const python = (name: string) => new RegExp(`^${name}==(.*)$`, 'm').exec(pinned)?.[1];
  const node = (name: string, script: string, ...args: string[]): Client => ({
    name,
    run: async (target) =>
      JSON.parse(await program('node', [join(folder, script), JSON.stringify(target), ...args])),
  });
  const snake = (name: string, script: string): Client => ({
    name,
    run: async (target) => {
      const environment = await ensurePythonEnvironment({
        name: 'conformance',
        requirements: join(folder, 'requirements.txt'),
        pipOptions: ['--no-deps'],
      });
      const args = [join(folder, script), JSON.stringify(target)];
      return JSON.parse(await program(join(environment, 'bin/python'), args));
    },
  });
  return [
    node('bytes, without a client library', 'wire.ts'),
    node(`openai ${await version('openai-6')} for Node`, 'openai.ts', 'openai-6'),
    node(`openai ${await version('openai-7')} for Node`, 'openai.ts', 'openai-7'),
    snake(`openai ${python('openai')} for Python`, 'openai_python.py'),
    node(`@anthropic-ai/sdk ${await version('@anthropic-ai/sdk')}`, 'anthropic.ts'),
    node(`Vercel ai ${await version('ai')}`, 'vercel.ts'),
    node(`@langchain/openai ${await version('@langchain/openai')}`, 'langchain.ts'),
    snake(`LiteLLM ${python('litellm')}`, 'litellm_client.py'),
    { name: `llmprobe ${await version('llmprobe')}`, run: llmprobe },
    { name: `compatcanary ${await version('compatcanary')}`, run: compatcanary },
  ];
}

/** The suite's verdict of each check: of the surface, of the engine, of the model. */
async function llmprobe({ chat }: Target): Promise<Outcomes> {
  const saved = await suite('llmprobe', (path) => [
    ...[chat.url, '--model', chat.model, '--no-bench', '--no-save', '--save', path],
  ]);
  const { coverage, conformance, capability, agentic } = JSON.parse(saved) as LlmprobeReport;
  return {
    ...byName('surface', coverage.entries, ({ label, supported }) => [label, supported]),
    ...byName('engine', conformance.results, ({ name, outcome, failures }) => [
      name,
      { outcome, failures: failures.map(({ id }) => id).join(' ') },
    ]),
    ...byName('model', capability.evals, ({ name, passed, total }) => [name, `${passed}/${total}`]),
    ...byName('task', agentic.tasks, ({ name, passed, steps }) => [name, { passed, steps }]),
  };
}

interface LlmprobeReport {
  coverage: { entries: { label: string; supported: boolean }[] };
  conformance: { results: { name: string; outcome: string; failures: { id: string }[] }[] };
  capability: { evals: { name: string; passed: number; total: number }[] };
  agentic: { tasks: { name: string; passed: boolean; steps: number }[] };
}

async function compatcanary({ chat }: Target): Promise<Outcomes> {
  const saved = await suite('compatcanary', (path) => [
    ...['scan', '--base-url', `${chat.url}/v1`, '--model', chat.model, '--fail-on', 'never'],
    ...['--format', 'json', '--output', path],
  ]);
  const { results } = JSON.parse(saved) as {
    results: { name: string; status: string; summary: string; evidence?: unknown }[];
  };
  return byName('', results, ({ name, status, summary, evidence }) => [
    name,
    { status, summary, evidence },
  ]);
}

/** Runs a suite of node_modules/.bin with a home of its own and gives the report it wrote. */
async function suite(name: string, args: (report: string) => string[]): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), `fairlead-${name}-`));
  const report = join(home, 'report.json');
  try {
    // A suite ends with 1 when its target fails a check; what counts is the report.
    await program('node', [join(modules, '.bin', name), ...args(report)], home).catch((error) => {
      if (!(error instanceof CommandError)) throw error;
    });
    return await readFile(report, 'utf8');
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function program(name: string, args: readonly string[], home?: string): Promise<string> {
  return runCommand(name, args, {
    signal: AbortSignal.timeout(timeoutMs),
    env: { LITELLM_LOCAL_MODEL_COST_MAP: 'True', NO_COLOR: '1', ...(home && { HOME: home }) },
  });
}

function byName<T>(
  prefix: string,
  items: readonly T[],
  entry: (item: T) => [string, unknown],
): Outcomes {
  const named = items.map(entry).map(([name, value]) => [`${prefix} ${name}`.trim(), value]);
  return Object.fromEntries(named);
}
