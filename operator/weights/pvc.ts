import { mounted, type Weights, type WeightsInput } from './weights.ts';

/** `pvc://claim[/path]`: the claim is mounted read-only, so that many pods may share a volume. */
export function pvcWeights({ uri, form, place }: WeightsInput): Weights {
  const path = uri.pathname.slice(1) || (form === 'file' ? 'model.gguf' : '');
  return mounted({ persistentVolumeClaim: { claimName: uri.host, readOnly: true } }, place, path);
}
