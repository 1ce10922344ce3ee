import type { ModelDeploymentSpec } from '../../crds/modeldeployment.ts';
import type { Refusal } from './engine.ts';

/** Flags of an engine that mean the same, and why they are Fairlead's. */
export interface OwnedFlag {
  /** Every spelling, with its dashes. */
  flags: readonly string[];
  /** Environment variables that do the same. */
  variables?: readonly string[];
  /** A sentence for the user. */
  remedy: string;
}

/** The first argument or variable of the user that `owned` holds. */
export function refuseOwned(
  owned: readonly OwnedFlag[],
  { engine }: Pick<ModelDeploymentSpec, 'engine'>,
): Refusal | undefined {
  for (const argument of engine.args ?? []) {
    const what = written(argument);
    const owner = owned.find(({ flags }) => flags.includes(canonical(what)));
    if (owner) return { field: 'spec.engine.args', what, remedy: owner.remedy };
  }
  for (const { name } of engine.env ?? []) {
    const owner = owned.find(({ variables }) => variables?.includes(name));
    if (owner) return { field: 'spec.engine.env', what: name, remedy: owner.remedy };
  }
  return undefined;
}

/** Whether the user gave one of `flags`, so that Fairlead leaves its own choice out. */
export function gives({ engine }: Pick<ModelDeploymentSpec, 'engine'>, ...flags: string[]) {
  return (engine.args ?? []).some((argument) => flags.includes(canonical(written(argument))));
}

/** What the user gave to `flag`: `--flag=value`, or the argument after it. */
export function argumentOf({ engine }: Pick<ModelDeploymentSpec, 'engine'>, flag: string) {
  const args = engine.args ?? [];
  const index = args.findIndex((argument) => canonical(written(argument)) === flag);
  if (index < 0) return undefined;
  const [, attached] = /[=\s](.*)$/.exec(args[index]?.trim() ?? '') ?? [];
  return attached ?? args[index + 1];
}

function written(argument: string): string {
  return argument.trim().split(/[=\s]/, 1)[0] ?? '';
}

/** llama-server and vLLM take `--max_model_len` for `--max-model-len`. */
function canonical(flag: string): string {
  return flag.startsWith('--') ? flag.replaceAll('_', '-') : flag;
}

/** What an engine's list of owned flags says of the usual things. */
export const remedies = {
  address: 'Fairlead chooses the address; remove it.',
  model: 'Use spec.source.uri.',
  name: 'Use spec.servedName.',
  context: 'Use spec.engine.contextLength.',
  concurrency: 'Use spec.engine.maxConcurrency.',
  metrics: 'Fairlead turns metrics on; remove it.',
  key: 'The router sends no key to engines; remove it.',
  tls: 'The router speaks plain HTTP to engines; remove it.',
  prefix: 'The router expects the paths without a prefix; remove it.',
  file: 'A configuration file can contradict the other fields; use spec.engine.args.',
} as const;
