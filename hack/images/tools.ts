import { ensureHostPackages } from '../host-packages.ts';

/** The programs that build images without a registry, installed in one go. */
export function ensureImageTools(): Promise<void> {
  return ensureHostPackages(['buildah', 'mmdebstrap']);
}
