import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM texts. */
export interface KeyPair {
  cert: string;
  key: string;
}

/** A certificate authority for tests. Needs openssl, which Debian's ca-certificates brings. */
export interface Authority {
  ca: string;
  /** Signs a server certificate for 127.0.0.1. */
  issue(): KeyPair;
}

export function createAuthority(name: string): Authority {
  const ca = self(['-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE']);
  return {
    ca: ca.cert,
    issue: () => self(['-subj', '/CN=server', '-addext', 'subjectAltName=IP:127.0.0.1'], ca),
  };
}

function self(subject: string[], issuer?: KeyPair): KeyPair {
  const folder = mkdtempSync(join(tmpdir(), 'kube-test-ca-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const options = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    const signed: string[] = [];
    if (issuer) {
      writeFileSync(join(folder, 'ca.pem'), issuer.cert);
      writeFileSync(join(folder, 'ca-key.pem'), issuer.key, { mode: 0o600 });
      signed.push('-CA', join(folder, 'ca.pem'), '-CAkey', join(folder, 'ca-key.pem'));
    }
    const files = ['-nodes', '-days', '2', '-keyout', key, '-out', cert];
    execFileSync('openssl', ['req', ...options, ...files, ...subject, ...signed], {
      stdio: 'pipe',
    });
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
