import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createClient, type KubeClient } from '../../kube/client.ts';
import { inClusterConfig } from '../../kube/config.ts';
import type { KubeObject } from '../../kube/object.ts';
import { createReflector } from '../../kube/reflector.ts';
import { ConfigMaps, Secrets, served } from '../../kube/resources.ts';
import { createAuthority } from '../../kube/testing/certificates.ts';
import { createFastClock } from '../../kube/testing/fake-clock.ts';
import { eventually } from '../../kube/testing/wait.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

interface TokenRequest extends KubeObject {
  spec: { boundObjectRef: object };
  status: { token: string };
}
const ServiceAccounts = served<TokenRequest>('v1', 'ServiceAccount');
const ClusterRoleBindings = served<KubeObject & { roleRef: object; subjects: object[] }>(
  'rbac.authorization.k8s.io/v1',
  'ClusterRoleBinding',
  { namespaced: false },
);
const ClusterRoles = served<KubeObject & { rules: object[] }>(
  'rbac.authorization.k8s.io/v1',
  'ClusterRole',
  { namespaced: false },
);
const namespace = 'default';
const account = { namespace, name: 'worker' };

let plane: ControlPlane;
let admin: KubeClient;
/** What a pod has at /var/run/secrets/kubernetes.io/serviceaccount. */
let mount: string;
beforeAll(async () => {
  plane = await startControlPlane();
  admin = createClient(plane.config);
  mount = mkdtempSync(join(tmpdir(), 'kube-rotation-'));
  vi.stubEnv('KUBERNETES_SERVICE_HOST', '127.0.0.1');
  vi.stubEnv('KUBERNETES_SERVICE_PORT', `${plane.port}`);
  await admin.create(ServiceAccounts, { metadata: account });
  await admin.create(ClusterRoles, {
    metadata: { name: 'worker' },
    rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['*'] }],
  });
  await admin.create(ClusterRoleBindings, {
    metadata: { name: 'worker' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'worker' },
    subjects: [{ kind: 'ServiceAccount', ...account }],
  });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await admin?.close();
  await plane?.stop();
  rmSync(mount, { recursive: true });
});

/** In one step, as the kubelet does. */
function place(name: string, text: string): void {
  writeFileSync(join(mount, `.${name}`), text);
  renameSync(join(mount, `.${name}`), join(mount, name));
}

/** A token that holds as long as the Secret `name` does. */
async function tokenOf(name: string): Promise<string> {
  const { metadata } = await admin.create(Secrets, { metadata: { namespace, name } });
  const boundObjectRef = { apiVersion: 'v1', kind: 'Secret', name, uid: metadata.uid };
  const intent = { metadata: account, spec: { boundObjectRef } };
  const { status } = await admin.create(ServiceAccounts, intent, { subresource: 'token' });
  return status.token;
}

/** Reads, creates, applies and deletes as fast as answers come, from eight workers. */
function startLoad(client: KubeClient) {
  const errors: unknown[] = [];
  let calls = 0;
  let running = true;
  const options = { timeoutMs: 600_000 };
  const work = async (worker: number) => {
    for (let round = 0; running; round++) {
      const ref = { namespace, name: `w${worker}` };
      const data = { round: `${round}` };
      const one = async () => {
        if (round % 4 === 0) await client.create(ConfigMaps, { metadata: ref, data }, options);
        else if (round % 4 === 1) await client.get(ConfigMaps, ref, options);
        else if (round % 4 === 2)
          await client.apply(
            ConfigMaps,
            { metadata: ref, data },
            { fieldManager: 'worker', force: true, ...options },
          );
        else await client.delete(ConfigMaps, ref, options);
      };
      await one().catch((error) => errors.push(error));
      calls++;
    }
  };
  const workers = Array.from({ length: 8 }, (_, worker) => work(worker));
  return {
    errors,
    async more(count = 400) {
      const until = calls + count;
      await eventually(`${count} more calls`, () => calls >= until, 60_000);
      expect(errors).toEqual([]);
    },
    async stop() {
      running = false;
      await Promise.all(workers);
    },
  };
}

it('tokens and CAs rotate under load without an error', async () => {
  const [first, second] = [(await plane.config.credentials()).ca ?? '', createAuthority('second')];
  place('token', await tokenOf('one'));
  place('ca.crt', first);
  const config = await inClusterConfig(mount);
  // Credentials are read again every 30 s, which are 3 s by this clock.
  const client = createClient(config, { clock: createFastClock(10) });
  const reads = vi.spyOn(config, 'credentials');
  const readAgain = async () => {
    const count = reads.mock.calls.length;
    await eventually('the files were read again', () => reads.mock.calls.length > count + 1);
  };
  const reflector = createReflector({ client, type: ConfigMaps, namespace });
  reflector.start();
  await reflector.synced();
  const load = startLoad(client);
  await load.more();

  // A token that is revoked while the next one is in the file, twice.
  for (const [old, next] of [
    ['one', 'two'],
    ['two', 'three'],
  ] as const) {
    const before = await config.credentials();
    const behind = createClient({ ...config, credentials: async () => before });
    place('token', await tokenOf(next));
    await admin.delete(Secrets, { namespace, name: old });
    await eventually(
      'the server refuses the old token',
      () =>
        behind.list(ConfigMaps, { namespace }).then(
          () => false,
          (error) => error.status === 401,
        ),
      60_000,
    );
    await behind.close();
    await load.more();
  }

  // A new CA: first both are trusted, then the server changes, then the old one is dropped.
  place('ca.crt', `${first}\n${second.ca}`);
  await readAgain();
  await plane.serveWith(second);
  await load.more();
  place('ca.crt', second.ca);
  await readAgain();
  await load.more();

  await load.stop();
  expect(load.errors).toEqual([]);
  const fresh = createClient(await inClusterConfig(mount));
  const { items } = await fresh.list(ConfigMaps, { namespace });
  const versions = (objects: KubeObject[]) =>
    objects.map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();
  await eventually('the store to equal the list of the server', () => {
    return `${versions(reflector.store.list())}` === `${versions(items)}`;
  });
  await reflector.stop();
  await Promise.all([client.close(), fresh.close()]);
});
