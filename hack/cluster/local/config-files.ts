import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { addresses, insidePaths, type Layout, type NodeLayout } from './layout.ts';
import { pauseImage } from './pause-image.ts';

/** Writes the files that the control plane's components read. */
export function writeControlPlaneConfig(layout: Layout): void {
  const write = (name: string, content: string): void =>
    writeFileSync(join(layout.controlPlaneDir, name), content);
  write(
    'audit-policy.yaml',
    stringify({
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      omitStages: ['RequestReceived'],
      rules: [{ level: 'Metadata', userGroups: ['system:serviceaccounts'] }, { level: 'None' }],
    }),
  );
  write(
    'Corefile',
    `.:53 {
  errors
  ready :8181
  cache 5
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${insidePaths.controlPlane}/coredns.kubeconfig
    ttl 5
  }
  template ANY ANY {
    rcode NXDOMAIN
  }
}
`,
  );
}

/** Writes the files that a node's components read. */
export function writeNodeConfig(node: NodeLayout): void {
  const write = (name: string, content: string): void =>
    writeFileSync(join(node.dir, name), content);
  write('containerd.toml', containerdConfig);
  write('kubelet.yaml', stringify(kubeletConfig(node)));
  write('kube-proxy.yaml', stringify(kubeProxyConfig(node)));
  write('resolv.conf', `nameserver ${addresses.dnsService}\n`);
  write('cni/10-pods.conflist', `${JSON.stringify(podNetwork(node), null, 2)}\n`);
}

// Without restrict_oom_score_adj, runc fails on machines that lack CAP_SYS_RESOURCE.
const containerdConfig = `version = 3
root = '/var/lib/containerd'
state = '/run/containerd'
disabled_plugins = ['io.containerd.nri.v1.nri']

[grpc]
address = '/run/containerd/containerd.sock'

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '${pauseImage}'

[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
disable_apparmor = true
tolerate_missing_hugetlb_controller = true
enable_cdi = true
cdi_spec_dirs = ['/run/cdi']

[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['/usr/lib/cni']
conf_dir = '${insidePaths.node}/cni'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
SystemdCgroup = false
`;

function kubeletConfig(node: NodeLayout): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${insidePaths.node}/ca.crt` },
    },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    clusterDomain: 'cluster.local',
    clusterDNS: [addresses.dnsService],
    resolvConf: `${insidePaths.node}/resolv.conf`,
    // The default lies outside the folders that a node has for itself.
    volumePluginDir: '/var/lib/kubelet/volume-plugins',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: node.cgroup,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    makeIPTablesUtilChains: false,
    oomScoreAdj: 0,
    maxOpenFiles: 20000,
    serializeImagePulls: false,
    // The disk is the host's: neither images nor pods go because it is full of other things.
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%' },
  };
}

function kubeProxyConfig(node: NodeLayout): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: `${insidePaths.node}/kube-proxy.kubeconfig` },
    hostnameOverride: node.name,
    mode: 'nftables',
    clusterCIDR: addresses.pods,
    nodePortAddresses: ['primary'],
    oomScoreAdj: 0,
    // These settings are the machine's, not a network namespace's: leave them.
    conntrack: { maxPerCore: 0, min: 0 },
  };
}

/** Point-to-point links, so that all traffic of pods is routed and no bridge bypasses kube-proxy. */
function podNetwork(node: NodeLayout): object {
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'ptp',
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: node.podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  };
}
