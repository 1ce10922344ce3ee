import { controlPlaneKubeconfig } from './credentials.ts';
import { addresses, apiServerPort, insidePaths, type NodeLayout } from './layout.ts';

/** A program that belongs to a cluster. */
export interface Component {
  /** Name of the program. */
  program: string;
  args: readonly string[];
}

const etcdClients = 'http://127.0.0.1:2379';
const file = (name: string): string => `${insidePaths.controlPlane}/${name}`;
// The defaults make a small cluster's first seconds last twice as long.
const unhurriedClient = ['--kube-api-qps=200', '--kube-api-burst=400'];

/** What runs in the cluster's own namespaces beside the nodes, in the order of the dependencies. */
export const controlPlane = {
  etcd: {
    program: 'etcd',
    args: [
      `--data-dir=${file('etcd')}`,
      `--listen-client-urls=${etcdClients}`,
      `--advertise-client-urls=${etcdClients}`,
      '--listen-peer-urls=http://127.0.0.1:2380',
      // Nothing here need survive a power failure; a killed process loses nothing without it.
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
  },
  'kube-apiserver': {
    program: 'kube-apiserver',
    args: [
      `--etcd-servers=${etcdClients}`,
      '--bind-address=0.0.0.0',
      `--advertise-address=${addresses.controlPlane}`,
      `--secure-port=${apiServerPort}`,
      `--tls-cert-file=${file('apiserver.crt')}`,
      `--tls-private-key-file=${file('apiserver.key')}`,
      `--client-ca-file=${file('ca.crt')}`,
      `--kubelet-client-certificate=${file('apiserver-kubelet-client.crt')}`,
      `--kubelet-client-key=${file('apiserver-kubelet-client.key')}`,
      '--kubelet-preferred-address-types=InternalIP',
      `--token-auth-file=${file('tokens.csv')}`,
      `--service-account-key-file=${file('service-accounts.key')}`,
      `--service-account-signing-key-file=${file('service-accounts.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-cluster-ip-range=${addresses.services}`,
      '--authorization-mode=Node,RBAC',
      '--allow-privileged=true',
      // Webhooks and aggregated APIs are reached at their pods, as no kube-proxy runs here.
      '--enable-aggregator-routing=true',
      // What an aggregated API asks of who it is called for: only the API server has this certificate.
      `--requestheader-client-ca-file=${file('front-proxy-ca.crt')}`,
      '--requestheader-allowed-names=front-proxy-client',
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      `--proxy-client-cert-file=${file('front-proxy-client.crt')}`,
      `--proxy-client-key-file=${file('front-proxy-client.key')}`,
      // Alpha still; without it a HorizontalPodAutoscaler keeps one replica at least.
      '--feature-gates=HPAScaleToZero=true',
      `--audit-policy-file=${file('audit-policy.yaml')}`,
      `--audit-log-path=${insidePaths.logs}/audit.log`,
    ],
  },
  'kube-controller-manager': {
    program: 'kube-controller-manager',
    args: [
      `--kubeconfig=${controlPlaneKubeconfig('kube-controller-manager')}`,
      `--service-account-private-key-file=${file('service-accounts.key')}`,
      `--root-ca-file=${file('ca.crt')}`,
      `--cluster-signing-cert-file=${file('ca.crt')}`,
      `--cluster-signing-key-file=${file('ca.key')}`,
      '--use-service-account-credentials',
      '--feature-gates=HPAScaleToZero=true',
      '--leader-elect=false',
      // 15 s by default: a test of a HorizontalPodAutoscaler would wait and do nothing.
      '--horizontal-pod-autoscaler-sync-period=2s',
      ...unhurriedClient,
    ],
  },
  'kube-scheduler': {
    program: 'kube-scheduler',
    args: [
      `--kubeconfig=${controlPlaneKubeconfig('kube-scheduler')}`,
      '--leader-elect=false',
      ...unhurriedClient,
    ],
  },
  coredns: {
    program: 'coredns',
    args: [`-conf=${file('Corefile')}`],
  },
} satisfies Record<string, Component>;

/** A component of the control plane. */
export type ControlPlaneProgram = keyof typeof controlPlane;

/** A component that each node has. */
export type NodeProgram = 'containerd' | 'kubelet' | 'kube-proxy';

/** What runs in a node's namespaces, in the order of the dependencies. */
export function nodeComponents(node: NodeLayout): Record<NodeProgram, Component> {
  return {
    containerd: {
      program: 'containerd',
      args: [`--config=${insidePaths.node}/containerd.toml`],
    },
    kubelet: {
      program: 'kubelet',
      args: [
        `--config=${insidePaths.node}/kubelet.yaml`,
        `--kubeconfig=${insidePaths.node}/kubelet.kubeconfig`,
        `--hostname-override=${node.name}`,
        `--node-ip=${node.address}`,
      ],
    },
    'kube-proxy': {
      program: 'kube-proxy',
      args: [`--config=${insidePaths.node}/kube-proxy.yaml`],
    },
  };
}
