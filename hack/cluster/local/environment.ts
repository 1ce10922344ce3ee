import { delimiter } from 'node:path';

const systemPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * The environment for everything in a cluster. Nothing is taken over from the caller, whose proxies
 * and secrets are not the cluster's.
 */
export function hostEnvironment(binaries?: string): Record<string, string> {
  const path = binaries === undefined ? systemPath : [binaries, ...systemPath];
  return { PATH: path.join(delimiter), HOME: '/root', LANG: 'C.UTF-8' };
}
