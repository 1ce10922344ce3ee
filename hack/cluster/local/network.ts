import { runCommand } from '../../command.ts';
import { addresses, type Layout, linkAddresses, linkSlots, type NodeLayout } from './layout.ts';

const uplink = 'uplink';

/** Addresses of the link between the host and one cluster. */
export interface HostLink {
  host: string;
  cluster: string;
}

/**
 * Chooses addresses for the link to the host that nothing on this machine uses. Hold a lock from
 * here until {@link connectHost} has run, lest another cluster choose the same.
 */
export async function chooseLink(layout: Layout): Promise<HostLink> {
  const used = await runCommand('ip', ['-4', '-oneline', 'address', 'show']);
  const first = Number.parseInt(layout.id.slice(0, 4), 16);
  for (let offset = 0; offset < linkSlots; offset++) {
    const link = linkAddresses((first + offset) % linkSlots);
    if (!used.includes(` ${link.host}/`)) return link;
  }
  throw new Error(`all ${linkSlots} address pairs for links to clusters are in use`);
}

/** Links the cluster's network to the host's; pods reach the host under the link's host address. */
export async function connectHost(
  layout: Layout,
  clusterPid: number,
  link: HostLink,
): Promise<void> {
  const hostLink = layout.hostLink;
  await disconnectHost(layout);
  await ip(`link add ${hostLink} type veth peer name ${uplink} netns ${clusterPid}`);
  await ip(`address add ${link.host}/30 dev ${hostLink}`, `link set ${hostLink} up`);
  await inNetworkOf(
    clusterPid,
    [`address add ${link.cluster}/30 dev ${uplink}`, `link set ${uplink} up`],
    [
      'add table ip uplink',
      'add chain ip uplink postrouting { type nat hook postrouting priority srcnat; }',
      `add rule ip uplink postrouting oifname ${uplink} ip saddr ${addresses.pods} masquerade`,
    ],
  );
}

/**
 * Removes the host's end of the link; it is no error when there is none. The kernel removes it as
 * well, some time after the cluster's last process.
 */
export async function disconnectHost(layout: Layout): Promise<void> {
  const exists = async (): Promise<boolean> =>
    (await runCommand('ip', ['-oneline', 'link', 'show'])).includes(` ${layout.hostLink}@`);
  if (!(await exists())) return;
  await ip(`link delete ${layout.hostLink}`).catch(async (error: unknown) => {
    if (await exists()) throw error;
  });
}

/** Links a node to the control plane, which routes between the nodes and to the host. */
export async function connectNode(
  clusterPid: number,
  nodePid: number,
  node: NodeLayout,
): Promise<void> {
  await inNetworkOf(clusterPid, [
    `link add ${node.name} type veth peer name eth0 netns ${nodePid}`,
    `link set ${node.name} up`,
    `route add ${node.address}/32 dev ${node.name} src ${addresses.controlPlane}`,
    `route add ${node.podRange} via ${node.address} dev ${node.name} onlink src ${addresses.controlPlane}`,
  ]);
  await inNetworkOf(nodePid, [
    `address add ${node.address}/32 dev eth0`,
    'link set eth0 up',
    `route add default via ${addresses.controlPlane} dev eth0 onlink`,
  ]);
}

async function ip(...lines: string[]): Promise<void> {
  await runCommand('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n` });
}

async function inNetworkOf(
  initPid: number,
  ipLines: readonly string[],
  nftLines: readonly string[] = [],
): Promise<void> {
  const inside = ['--target', String(initPid), '--net', '--'];
  const input = (lines: readonly string[]) => ({ input: `${lines.join('\n')}\n` });
  await runCommand('nsenter', [...inside, 'ip', '-batch', '-'], input(ipLines));
  if (nftLines.length > 0) {
    await runCommand('nsenter', [...inside, 'nft', '-f', '-'], input(nftLines));
  }
}
