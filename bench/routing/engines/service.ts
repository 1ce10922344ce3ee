import { clusterDown, clusterUp } from '../../../hack/cluster/cluster.ts';
import { clusterFaults } from '../../../hack/cluster/local/faults.ts';
import { layOut } from '../../../hack/cluster/local/layout.ts';
import { runCommand } from '../../../hack/command.ts';
import { createKubectl, type Kubectl } from '../../../test/support/kubectl.ts';
import { waitUntil } from '../../../test/support/wait-until.ts';

const cluster = { name: 'bench-routing', provider: 'local', nodes: 1 } as const;
const node = 'node-a';
const service = 'engine';

/**
 * A Service of a real cluster, to the connections of which kube-proxy (mode nftables) gives endpoints. These are on
 * this machine, which a node reaches over the cluster's link; who asks has to run in the node's network.
 */
export class KubernetesService {
  /** Where its endpoints have to listen. */
  readonly endpointHost: string;
  /** Where the node reaches it. */
  readonly url: string;
  /** A process in the network of the node. */
  readonly networkPid: number;
  readonly #kubectl: Kubectl;
  #shown: Promise<unknown> = Promise.resolve();

  private constructor(host: string, ip: string, networkPid: number, kubectl: Kubectl) {
    this.endpointHost = host;
    this.url = `http://${ip}`;
    this.networkPid = networkPid;
    this.#kubectl = kubectl;
  }

  /** Brings up a cluster of its own (root). */
  static async start(): Promise<KubernetesService> {
    const kubectl = createKubectl(await clusterUp(cluster), 'default');
    const { hostLink } = layOut(cluster.name, cluster.nodes);
    const link = await runCommand('ip', ['-brief', 'address', 'show', hostLink]);
    const host = /\d+\.\d+\.\d+\.\d+/.exec(link)?.[0];
    if (!host) throw new Error(`the link ${hostLink} has no address: ${link}`);
    const spec = { ports: [{ name: 'http', port: 80 }] };
    await kubectl.apply({ apiVersion: 'v1', kind: 'Service', metadata: { name: service }, spec });
    const ip = await kubectl.run(['get', 'service', service, '-o', 'jsonpath={.spec.clusterIP}']);
    const { initPid } = await clusterFaults(cluster.name);
    const started = new KubernetesService(host, ip, initPid(node), kubectl);
    // A run that was killed may have left the cluster with its endpoints.
    await started.clear();
    return started;
  }

  /**
   * Makes these its endpoints from now on, each a port, until {@link clear}.
   * @param all of which the others are not ready
   */
  show(ready: ReadonlySet<number>, all: readonly number[]): void {
    // Endpoints of one slice have the same port.
    const slices = all.map((port, at) => ({
      ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
      metadata: { name: `${service}-${at}`, labels: { 'kubernetes.io/service-name': service } },
      ports: [{ name: 'http', port }],
      endpoints: [{ addresses: [this.endpointHost], conditions: { ready: ready.has(port) } }],
    }));
    this.#shown = this.#shown.then(() => this.#kubectl.apply(...slices));
  }

  /** Takes all endpoints away. @throws KubectlError also when those before could not be written */
  async clear(): Promise<void> {
    await this.#shown;
    const own = `kubernetes.io/service-name=${service}`;
    await this.#kubectl.run(['delete', 'endpointslices', '--selector', own]);
  }

  /** Waits until kube-proxy brings connections to these ports. */
  async untilRouted(ports: Iterable<number>): Promise<void> {
    await this.#shown;
    const list = ['nft', 'list', 'table', 'ip', 'kube-proxy'];
    await waitUntil('kube-proxy knows the endpoints', async () => {
      const rules = await runCommand('nsenter', [...this.inside(), ...list]);
      const isKnown = (port: number) => rules.includes(`${this.endpointHost} . ${port}`);
      return [...ports].every(isKnown) || undefined;
    });
  }

  /** nsenter's arguments for a command in the node's network. */
  inside(): string[] {
    return ['--target', String(this.networkPid), '--net', '--'];
  }

  /** Takes the cluster down. */
  stop(): Promise<void> {
    return clusterDown(cluster);
  }
}
