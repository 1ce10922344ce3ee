import { createHash } from 'node:crypto';
import type { SourceSpec } from '../../crds/modeldeployment/source.ts';
import { baseName, type Form, type Weights, type WeightsInput } from './weights.ts';

/** Where a cache keeps its weights. */
export interface Cache {
  /** Name of the PersistentVolumeClaim. */
  claim: string;
  /** The class that the claim is made of, where it is not the user's own. */
  cacheClass: string | undefined;
}

/** What is loaded once into a cache, for all replicas of all models that name it. */
export interface CacheLoad extends Cache {
  /** Below the claim's root. */
  folder: string;
  source: SourceSpec;
  form: Form;
}

/** For hf, https, s3 and gs with a cache: replicas mount what a Job has loaded, read-only. */
export function cachedWeights({ source, uri, form, place }: WeightsInput, cache: Cache): Weights {
  const { volume: name, path: mountPath } = place;
  const folder = folderOf(source.uri, uri, form);
  return {
    volumes: [{ name, persistentVolumeClaim: { claimName: cache.claim } }],
    // Read-only here and not on the claim, which some drivers cannot mount in two ways on one node.
    volumeMounts: [{ name, mountPath, readOnly: true, subPath: folder }],
    loads: [{ ...cache, folder, source, form }],
    modelPath: form === 'file' ? `${mountPath}/${baseName(uri.pathname)}` : mountPath,
  };
}

/** People see what it is by the name, and the hash tells apart what has the same letters. */
function folderOf(text: string, { protocol, host, pathname }: URL, form: Form): string {
  const shown = `${protocol.slice(0, -1)}-${host}${pathname}`.replaceAll(/[^A-Za-z0-9.]+/g, '-');
  const hash = createHash('sha256').update(`${form} ${text}`).digest('hex').slice(0, 8);
  return `${shown.slice(0, 80)}-${hash}`;
}
