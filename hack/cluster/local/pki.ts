import { join } from 'node:path';
import { runCommand } from '../../command.ts';

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650'];

/**
 * Writes the cluster's keys and certificates into `folder`: the authority, the API server's serving
 * certificate for the given names, its client certificate towards the kubelets, and the key that
 * signs ServiceAccount tokens.
 */
export async function createPki(
  folder: string,
  names: { dns: readonly string[]; ip: readonly string[] },
): Promise<void> {
  const file = (name: string): string => join(folder, name);
  const issue = (name: string, subject: string, extensions: readonly string[]): Promise<string> =>
    runCommand('openssl', [
      ...['req', '-x509', ...newKey, '-CA', file('ca.crt'), '-CAkey', file('ca.key')],
      ...['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`), '-subj', subject],
      ...extensions.flatMap((extension) => ['-addext', extension]),
    ]);

  await runCommand('openssl', [
    ...['req', '-x509', ...newKey, '-keyout', file('ca.key'), '-out', file('ca.crt')],
    ...[
      '-subj',
      '/CN=fairlead-cluster',
      '-addext',
      'keyUsage=critical,keyCertSign,digitalSignature',
    ],
  ]);
  const subjectNames = [
    ...names.dns.map((name) => `DNS:${name}`),
    ...names.ip.map((ip) => `IP:${ip}`),
  ];
  await Promise.all([
    issue('apiserver', '/CN=kube-apiserver', [
      'basicConstraints=critical,CA:FALSE',
      'extendedKeyUsage=serverAuth',
      `subjectAltName=${subjectNames.join(',')}`,
    ]),
    issue('apiserver-kubelet-client', '/O=system:masters/CN=kube-apiserver', [
      'basicConstraints=critical,CA:FALSE',
      'extendedKeyUsage=clientAuth',
    ]),
    // The API server reads no public key out of a PKCS #8 file, which "genpkey" would write.
    runCommand('openssl', [
      ...['ecparam', '-name', 'prime256v1', '-genkey', '-noout'],
      ...['-out', file('service-accounts.key')],
    ]),
  ]);
}
