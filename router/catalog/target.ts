import type { Catalog, Model } from './model.ts';

/** What a name leads to. */
export interface Target {
  /** The name it was found by. */
  readonly name: string;
  readonly model: Model;
  /** The name to ask its replicas by. */
  readonly engineName: string;
  /** Undefined: the model itself. */
  readonly adapter: string | undefined;
}

/** Finds what a name that a client sent leads to; undefined: nothing. */
export function targetOf(catalog: Catalog, name: string): Target | undefined {
  const model = catalog.byName.get(name);
  if (!model) return undefined;
  const adapter = adapterIn(model, name);
  const engineName =
    adapter === undefined ? model.engineName : adapterName(model.engineName, adapter);
  return { name, model, engineName, adapter };
}

/** The name under which a model's adapter is asked for, by clients and at engines. */
export function adapterName(modelName: string, adapter: string): string {
  return `${modelName}:${adapter}`;
}

/** An alias may look like an adapter; it is the model's. */
function adapterIn({ servedName, aliases, adapters }: Model, name: string): string | undefined {
  if (aliases.includes(name)) return undefined;
  return adapters.find((adapter) => name === adapterName(servedName, adapter));
}
