import type { EngineType } from '../../crds/modeldeployment/engine.ts';
import { noCache, type SourceSpec } from '../../crds/modeldeployment/source.ts';

/** What of an adapter decides how it gets to a replica. */
export interface AdapterSource {
  source: Pick<SourceSpec, 'uri' | 'secretName' | 'cache'>;
}

/**
 * Whether a replica loads the adapter by itself while it serves, as vLLM can. What it has from its start instead
 * is part of the pod, and so of its revision.
 */
export function isFetched({ source: { uri, cache } }: AdapterSource, engine: EngineType): boolean {
  return engine === 'vLLM' && /^(hf|s3|gs):/.test(uri) && (cache ?? noCache) === noCache;
}

/** The Secrets that adapters are fetched with, each once: a pod cannot get at another one later. */
export function fetchSecrets(adapters: readonly AdapterSource[], engine: EngineType): string[] {
  const fetched = adapters.filter((adapter) => isFetched(adapter, engine));
  const names = fetched.flatMap(({ source }) => source.secretName ?? []);
  return [...new Set(names)].sort();
}

/** What of `spec.adapters` belongs to a revision; all else comes and goes while pods run. */
export function adaptersOfRevision<T extends AdapterSource>(
  adapters: readonly T[] | undefined,
  engine: EngineType,
) {
  return (
    adapters && {
      mounted: adapters.filter((adapter) => !isFetched(adapter, engine)),
      secrets: fetchSecrets(adapters, engine),
    }
  );
}
