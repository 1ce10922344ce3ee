import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addresses, apiServerPort, insidePaths, type Layout } from './layout.ts';

/** Someone who talks to the API server with a token. */
interface Identity {
  /** Name of the kubeconfig file, without its ending. */
  file: string;
  user: string;
  groups: readonly string[];
  /** Folder of the kubeconfig on the host, and the address it reaches the API server at. */
  folder: string;
  server: string;
}

/**
 * Writes a token for each component and the administrator, and a kubeconfig file for each.
 * `linkAddress` is where the host reaches the cluster.
 */
export function writeCredentials(layout: Layout, linkAddress: string): void {
  const authority = readFileSync(join(layout.controlPlaneDir, 'ca.crt')).toString('base64');
  const lines = identities(layout, linkAddress).map(({ file, user, groups, folder, server }) => {
    const token = randomBytes(24).toString('hex');
    const kubeconfig = kubeconfigOf(layout.name, user, token, `https://${server}`, authority);
    writeFileSync(join(folder, file), kubeconfig, { mode: 0o600 });
    return `${token},${user},${user},"${groups.join(',')}"\n`;
  });
  writeFileSync(join(layout.controlPlaneDir, 'tokens.csv'), lines.join(''), { mode: 0o600 });
}

function identities(layout: Layout, linkAddress: string): Identity[] {
  const local = `127.0.0.1:${apiServerPort}`;
  const remote = `${addresses.controlPlane}:${apiServerPort}`;
  const component = (name: string, user: string): Identity => ({
    file: `${name}.kubeconfig`,
    user,
    groups: [],
    folder: layout.controlPlaneDir,
    server: local,
  });
  return [
    {
      file: 'kubeconfig',
      user: 'admin',
      groups: ['system:masters'],
      folder: layout.dir,
      server: `${linkAddress}:${apiServerPort}`,
    },
    component('kube-controller-manager', 'system:kube-controller-manager'),
    component('kube-scheduler', 'system:kube-scheduler'),
    component('coredns', 'system:coredns'),
    ...layout.nodes.flatMap(({ name, dir }) => [
      {
        file: 'kubelet.kubeconfig',
        user: `system:node:${name}`,
        groups: ['system:nodes'],
        folder: dir,
        server: remote,
      },
      {
        file: 'kube-proxy.kubeconfig',
        user: 'system:kube-proxy',
        groups: [],
        folder: dir,
        server: remote,
      },
    ]),
  ];
}

/** kubeconfig files may be JSON; kubectl, Helm and all clients read them as YAML, which holds it. */
function kubeconfigOf(
  cluster: string,
  user: string,
  token: string,
  server: string,
  authority: string,
): string {
  const context = { cluster, user };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: cluster, context }],
    'current-context': cluster,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Path, inside the cluster, of a control plane component's kubeconfig. */
export function controlPlaneKubeconfig(component: string): string {
  return `${insidePaths.controlPlane}/${component}.kubeconfig`;
}
