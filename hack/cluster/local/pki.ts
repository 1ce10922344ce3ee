import { join } from 'node:path';
import { runCommand } from '../../command.ts';

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650'];

/**
 * Writes the cluster's keys and certificates into `folder`: the authority, the API server's serving
 * certificate for the given names, its client certificates towards the kubelets and towards aggregated
 * APIs, and the key that signs ServiceAccount tokens.
 */
export async function createPki(
  folder: string,
  names: { dns: readonly string[]; ip: readonly string[] },
): Promise<void> {
  const file = (name: string): string => join(folder, name);
  const issue = (
    name: string,
    subject: string,
    extensions: readonly string[],
    authority = 'ca',
  ): Promise<string> =>
    runCommand('openssl', [
      ...['req', '-x509', ...newKey],
      ...['-CA', file(`${authority}.crt`), '-CAkey', file(`${authority}.key`)],
      ...['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`), '-subj', subject],
      ...extensions.flatMap((extension) => ['-addext', extension]),
    ]);

  const makeAuthority = (name: string, subject: string): Promise<string> =>
    runCommand('openssl', [
      ...['req', '-x509', ...newKey, '-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)],
      ...['-subj', subject, '-addext', 'keyUsage=critical,keyCertSign,digitalSignature'],
    ]);
  await Promise.all([
    makeAuthority('ca', '/CN=fairlead-cluster'),
    makeAuthority('front-proxy-ca', '/CN=fairlead-front-proxy'),
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
    issue(
      'front-proxy-client',
      '/CN=front-proxy-client',
      ['basicConstraints=critical,CA:FALSE', 'extendedKeyUsage=clientAuth'],
      'front-proxy-ca',
    ),
    // The API server reads no public key out of a PKCS #8 file, which "genpkey" would write.
    runCommand('openssl', [
      ...['ecparam', '-name', 'prime256v1', '-genkey', '-noout'],
      ...['-out', file('service-accounts.key')],
    ]),
  ]);
}
