import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inClusterConfig, KubeConfigError, loadKubeConfig } from './config.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kube-config-'));
  vi.stubEnv('HOME', folder);
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('KUBERNETES_SERVICE_HOST', '');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function kubeconfig(cluster: object, user: object, context: object = {}): string {
  const path = join(folder, 'kubeconfig');
  writeFileSync(
    path,
    JSON.stringify({
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', ...context } }],
      'current-context': 'x',
    }),
  );
  return path;
}

describe('configuration', () => {
  it('reads a kubeconfig with certificates as data and as files next to it, anew each time', async () => {
    writeFileSync(join(folder, 'ca.crt'), 'the CA');
    const data = (text: string) => Buffer.from(text).toString('base64');
    const path = kubeconfig(
      { server: 'https://host:6443/', 'certificate-authority': 'ca.crt', 'tls-server-name': 'api' },
      { 'client-certificate-data': data('the cert'), 'client-key-data': data('the key') },
      { namespace: 'mine' },
    );
    const config = await loadKubeConfig({ kubeconfigPath: path });
    expect(config).toMatchObject({ server: 'https://host:6443', namespace: 'mine' });
    expect(await config.credentials()).toEqual({
      headers: {},
      ca: 'the CA',
      cert: 'the cert',
      key: 'the key',
      serverName: 'api',
      skipTlsVerify: false,
    });
    writeFileSync(join(folder, 'ca.crt'), 'another CA');
    expect((await config.credentials()).ca).toBe('another CA');
  });

  it('follows $KUBECONFIG, and sends tokens, passwords and impersonation as headers', async () => {
    const cluster = { server: 'https://host', 'insecure-skip-tls-verify': true };
    vi.stubEnv('KUBECONFIG', kubeconfig(cluster, { token: 'secret', as: 'someone' }));
    const config = await loadKubeConfig();
    const { headers, skipTlsVerify } = await config.credentials();
    expect(headers).toMatchObject({ authorization: 'Bearer secret' });
    expect(skipTlsVerify).toBe(true);
    kubeconfig(cluster, { username: 'me', password: 'pass' });
    const basic = await (await loadKubeConfig()).credentials();
    expect(basic.headers?.authorization).toBe(`Basic ${btoa('me:pass')}`);
  });

  it('sends no credentials over plain HTTP', async () => {
    const path = kubeconfig({ server: 'http://127.0.0.1:8001' }, { token: 'secret' });
    const config = await loadKubeConfig({ kubeconfigPath: path });
    expect(await config.credentials()).toEqual({});
  });

  it('says what it cannot use', async () => {
    const proxied = kubeconfig({ server: 'https://h', 'proxy-url': 'http://proxy' }, {});
    await expect(loadKubeConfig({ kubeconfigPath: proxied })).rejects.toThrow('proxy-url');
    const lost = kubeconfig({ server: 'https://h' }, {}, { cluster: 'elsewhere' });
    await expect(loadKubeConfig({ kubeconfigPath: lost })).rejects.toThrow(KubeConfigError);
    await expect(loadKubeConfig()).rejects.toThrow('set KUBECONFIG');
  });

  it('uses the service account of the pod, reading token and CA anew each time', async () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', 'fd00::1');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', '443');
    await expect(inClusterConfig(folder)).rejects.toThrow(KubeConfigError);
    writeFileSync(join(folder, 'token'), 'one\n');
    writeFileSync(join(folder, 'ca.crt'), 'the CA');
    const config = await inClusterConfig(folder);
    expect(config).toMatchObject({ server: 'https://[fd00::1]:443', namespace: 'default' });
    expect(await config.credentials()).toEqual({
      headers: { authorization: 'Bearer one' },
      ca: 'the CA',
    });
    writeFileSync(join(folder, 'token'), 'two');
    writeFileSync(join(folder, 'namespace'), 'ns');
    expect((await config.credentials()).headers).toEqual({ authorization: 'Bearer two' });
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '10.0.0.1');
    const again = await inClusterConfig(folder);
    expect(again).toMatchObject({ server: 'https://10.0.0.1:443', namespace: 'ns' });
  });
});
