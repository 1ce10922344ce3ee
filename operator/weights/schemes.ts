import type { SourceScheme, SourceSpec } from '../../crds/modeldeployment/source.ts';
import type { Engine } from '../engines/engine.ts';
import { downloadedWeights, type LoaderSettings } from './download.ts';
import { hostPathWeights } from './hostpath.ts';
import { ociWeights } from './oci.ts';
import { pvcWeights } from './pvc.ts';
import type { Form, Weights, WeightsInput } from './weights.ts';

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
}

/**
 * The weights that `source` names, or a message that names the field and the remedy.
 * @throws TypeError for a URI that the CRD refuses
 */
export function weightsOf(
  source: SourceSpec,
  { type, reads }: Pick<Engine, 'type' | 'reads'>,
  { loader, isHostPathAllowed }: SourceSettings,
): Weights | string {
  const uri = new URL(source.uri);
  const scheme = uri.protocol.slice(0, -1) as SourceScheme;
  const form = reads === 'either' ? formOf(uri) : reads;
  const at = `spec.source.uri: ${type} reads`;
  if (scheme === 'https' && form === 'folder')
    return `${at} a folder, and https:// is one file; use hf://, s3://, gs://, oci://, pvc:// or hostpath://`;
  if (form === 'file' && isDownloaded(scheme) && !uri.pathname.endsWith('.gguf'))
    return `${at} one GGUF file; name it, such as ${source.uri.replace(/[?#].*$/, '').replace(/\/$/, '')}/model-Q4_K_M.gguf`;
  if (scheme === 'hostpath' && !isHostPathAllowed(uri.pathname))
    return `spec.source.uri: ${uri.pathname} is not below a folder that the chart's weights.hostPaths allows`;
  return schemes[scheme]({ source, uri, form, loader });
}

function isDownloaded(scheme: SourceScheme): boolean {
  return schemes[scheme] === downloadedWeights;
}

function formOf(uri: URL): Form {
  return (uri.searchParams.get('file') ?? uri.pathname).endsWith('.gguf') ? 'file' : 'folder';
}
