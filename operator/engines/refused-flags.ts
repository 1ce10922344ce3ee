import type { ModelDeploymentSpec } from '../../crds/modeldeployment.ts';
import type { Refusal } from './engine.ts';

/** Flags of an engine that mean the same, and why they are Fairlead's. */
export interface OwnedFlag {
  /** Every spelling, with its dashes. */
  flags: readonly string[];
  /** Environment variables that do the same. */
  variables: readonly string[];
  /** A sentence for the user. */
  remedy: string;
}

/** The first argument or variable of the user that `owned` holds. */
export function refuseOwned(
  owned: readonly OwnedFlag[],
  { engine }: Pick<ModelDeploymentSpec, 'engine'>,
): Refusal | undefined {
  for (const argument of engine.args ?? []) {
    const [what = ''] = argument.trim().split(/[=\s]/, 1);
    const owner = owned.find(({ flags }) => flags.includes(what));
    if (owner) return { field: 'spec.engine.args', what, remedy: owner.remedy };
  }
  for (const { name } of engine.env ?? []) {
    const owner = owned.find(({ variables }) => variables.includes(name));
    if (owner) return { field: 'spec.engine.env', what: name, remedy: owner.remedy };
  }
  return undefined;
}
