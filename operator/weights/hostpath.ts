import { baseName, mounted, type Weights, type WeightsInput } from './weights.ts';

/**
 * `hostpath:///path`: the folder of the node, or the folder that the file is in. The kubelet refuses a
 * folder that does not exist rather than make it.
 */
export function hostPathWeights({ uri, form, place }: WeightsInput): Weights {
  const { pathname } = uri;
  const file = form === 'file' ? baseName(pathname) : '';
  const path = form === 'file' ? pathname.slice(0, -file.length - 1) || '/' : pathname;
  return mounted({ hostPath: { path, type: 'Directory' } }, place, file);
}
