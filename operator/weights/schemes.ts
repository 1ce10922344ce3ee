import { noCache, type SourceScheme, type SourceSpec } from '../../crds/modeldeployment/source.ts';
import type { ModelDeploymentSpec } from '../../crds/modeldeployment.ts';
import { isFetched } from '../adapters/kinds.ts';
import type { WantedAdapter } from '../adapters/protocol.ts';
import type { Engine } from '../engines/engine.ts';
import { type Cache, cachedWeights } from './cache.ts';
import { downloadedWeights, type LoaderSettings } from './download.ts';
import { hostPathWeights } from './hostpath.ts';
import { ociWeights, pulledWeights } from './oci.ts';
import { pvcWeights } from './pvc.ts';
import {
  adapterPlace,
  type Form,
  modelPlace,
  type Place,
  type Weights,
  type WeightsInput,
} from './weights.ts';

/** What puts each scheme's weights into the pod; how they are downloaded is in loader/. */
const schemes: Readonly<Record<SourceScheme, (input: WeightsInput) => Weights>> = {
  oci: ociWeights,
  hf: downloadedWeights,
  https: downloadedWeights,
  s3: downloadedWeights,
  gs: downloadedWeights,
  pvc: pvcWeights,
  hostpath: hostPathWeights,
};

/** What the weights of a source are read with. */
export interface SourceSettings {
  loader: LoaderSettings;
  isHostPathAllowed(path: string): boolean;
  /** Whether nodes mount images as volumes; else the loader pulls them. */
  imageVolumes: boolean;
  /** What `source.cache` names, when it is not `none`. */
  cacheOf(name: string): Cache;
}

/** What is to be read, and by whom. */
interface Wanted {
  source: SourceSpec;
  /** Such as `spec.source`. */
  field: string;
  engine: Pick<Engine, 'type' | 'reads'>;
  place: Place;
  pullSecrets?: readonly string[];
}

/** What of a spec decides its weights. */
type WeightsSpec = Pick<ModelDeploymentSpec, 'source' | 'adapters' | 'podTemplate'>;

/** The weights of a model with its adapters. */
export interface ModelWeights extends Weights {
  /** Each by its own name: its folder, or what the pod loads it from while it runs. */
  adapters: WantedAdapter[];
  /** What those are loaded with. */
  loader: LoaderSettings;
}

/**
 * The weights that a spec names, or a message that names the field and the remedy.
 * @throws TypeError for a URI that the CRD refuses
 */
export function weightsOf(
  { source, adapters = [], podTemplate }: WeightsSpec,
  engine: Pick<Engine, 'type' | 'reads'>,
  settings: SourceSettings,
): ModelWeights | string {
  const pullSecrets = podTemplate?.spec?.imagePullSecrets?.map(({ name }) => name) ?? [];
  const of = { engine, pullSecrets };
  const model = read({ source, field: 'spec.source', place: modelPlace, ...of }, settings);
  if (typeof model === 'string') return model;
  const all: ModelWeights = { ...model, adapters: [], loader: settings.loader };
  for (const [index, adapter] of adapters.entries()) {
    const field = `spec.adapters[${adapter.name}].source`;
    const place = adapterPlace(index, adapter.name);
    const weights = read({ source: adapter.source, field, place, ...of }, settings);
    if (typeof weights === 'string') return weights;
    // llama.cpp takes a list of `file:scale` with commas between.
    if (engine.reads === 'file' && /[,:]/.test(weights.modelPath))
      return `${field}.uri: the file's name may have no comma and no colon; rename it`;
    if (isFetched(adapter, engine.type)) {
      const { uri, secretName: secret } = adapter.source;
      all.adapters.push({ name: adapter.name, uri, ...(secret && { secret }) });
      continue;
    }
    all.volumes = [...all.volumes, ...weights.volumes];
    all.volumeMounts = [...all.volumeMounts, ...weights.volumeMounts];
    if (weights.initContainers)
      all.initContainers = [...(all.initContainers ?? []), ...weights.initContainers];
    if (weights.loads) all.loads = [...(all.loads ?? []), ...weights.loads];
    all.adapters.push({ name: adapter.name, path: weights.modelPath });
  }
  return all;
}

function read(
  { source, field, engine: { type, reads }, place, pullSecrets = [] }: Wanted,
  { loader, isHostPathAllowed, imageVolumes, cacheOf }: SourceSettings,
): Weights | string {
  const uri = new URL(source.uri);
  const scheme = uri.protocol.slice(0, -1) as SourceScheme;
  const form = reads === 'either' ? formOf(uri) : reads;
  const at = `${field}.uri: ${type} reads`;
  if (scheme === 'https' && form === 'folder')
    return `${at} a folder, and https:// is one file; use hf://, s3://, gs://, oci://, pvc:// or hostpath://`;
  if (form === 'file' && isDownloaded(scheme) && !uri.pathname.endsWith('.gguf'))
    return `${at} one GGUF file; name it, such as ${source.uri.replace(/[?#].*$/, '').replace(/\/$/, '')}/model-Q4_K_M.gguf`;
  if (scheme === 'hostpath' && !isHostPathAllowed(uri.pathname))
    return `${field}.uri: ${uri.pathname} is not below a folder that the chart's weights.hostPaths allows`;
  const input = { source, uri, form, place, loader, pullSecrets };
  if (scheme === 'oci' && !imageVolumes) return pulledWeights(input);
  const { cache = noCache } = source;
  return cache === noCache ? schemes[scheme](input) : cachedWeights(input, cacheOf(cache));
}

function isDownloaded(scheme: SourceScheme): boolean {
  return schemes[scheme] === downloadedWeights;
}

function formOf(uri: URL): Form {
  return (uri.searchParams.get('file') ?? uri.pathname).endsWith('.gguf') ? 'file' : 'folder';
}
