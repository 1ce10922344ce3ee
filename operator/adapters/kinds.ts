import { noCache, type SourceSpec } from '../../crds/modeldeployment/source.ts';

/** What of an adapter decides how it gets to a replica. */
export interface AdapterSource {
  source: Pick<SourceSpec, 'uri' | 'secretName' | 'cache'>;
}

/**
 * Whether a replica loads the adapter by itself while it serves. What is mounted instead is part of the pod,
 * and so of its revision.
 */
export function isFetched({ source: { uri, cache } }: AdapterSource): boolean {
  return /^(hf|s3|gs):/.test(uri) && (cache ?? noCache) === noCache;
}

/** The Secrets that adapters are fetched with, each once: a pod cannot get at another one later. */
export function fetchSecrets(adapters: readonly AdapterSource[]): string[] {
  const names = adapters.filter(isFetched).flatMap(({ source }) => source.secretName ?? []);
  return [...new Set(names)].sort();
}

/** What of `spec.adapters` belongs to a revision; all else comes and goes while pods run. */
export function adaptersOfRevision<T extends AdapterSource>(adapters: readonly T[] | undefined) {
  return (
    adapters && {
      mounted: adapters.filter((adapter) => !isFetched(adapter)),
      secrets: fetchSecrets(adapters),
    }
  );
}
