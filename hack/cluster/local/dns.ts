import type { Api } from './api.ts';
import { addresses } from './layout.ts';

const rbac = 'rbac.authorization.k8s.io';
const dnsPorts = [
  { name: 'dns', protocol: 'UDP', port: 53 },
  { name: 'dns-tcp', protocol: 'TCP', port: 53 },
];

/**
 * Makes the cluster's DNS service known: CoreDNS runs beside the API server, outside of any pod, so
 * its Service has no selector and its EndpointSlice is written here.
 */
export async function applyDnsObjects(api: Api): Promise<void> {
  await Promise.all([
    api.apply(`/apis/${rbac}/v1/clusterroles/system:coredns`, {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'system:coredns' },
      rules: [
        {
          apiGroups: [''],
          resources: ['services', 'pods', 'namespaces'],
          verbs: ['list', 'watch'],
        },
        {
          apiGroups: ['discovery.k8s.io'],
          resources: ['endpointslices'],
          verbs: ['list', 'watch'],
        },
      ],
    }),
    api.apply(`/apis/${rbac}/v1/clusterrolebindings/system:coredns`, {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'system:coredns' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'system:coredns' },
      subjects: [{ apiGroup: rbac, kind: 'User', name: 'system:coredns' }],
    }),
    api.apply('/api/v1/namespaces/kube-system/services/kube-dns', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace: 'kube-system' },
      spec: { clusterIP: addresses.dnsService, ports: dnsPorts },
    }),
    api.apply('/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices/kube-dns', {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'kube-dns',
        namespace: 'kube-system',
        labels: { 'kubernetes.io/service-name': 'kube-dns' },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: [addresses.controlPlane], conditions: { ready: true } }],
      ports: dnsPorts,
    }),
  ]);
}
