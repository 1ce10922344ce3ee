import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../command.ts';
import { type Cluster, clusterDown, clusterStatus, clusterUp } from './cluster.ts';
import { compareSnapshots, type MachineSnapshot, snapshotMachine } from './leftovers.ts';
import { clusterFaults } from './local/faults.ts';
import { layOut } from './local/layout.ts';
import { pauseImage } from './local/pause-image.ts';

const name = `test-${randomBytes(3).toString('hex')}`;
const neighbourName = `${name}-too`;
const wallTimeMs = 300_000;
let before: MachineSnapshot;
let cluster: Cluster;
let progress: string[] = [];

const up = (): Promise<Cluster> => {
  progress = [];
  return clusterUp({ name, provider: 'local', nodes: 2, log: (line) => progress.push(line) });
};

const kubectl = (args: readonly string[], { kubectlPath, kubeconfigPath } = cluster) =>
  runCommand(kubectlPath, ['--kubeconfig', kubeconfigPath, ...args]);

/** Runs a pod on each node and waits until they are ready. */
async function runPods(podName: string, of = cluster): Promise<void> {
  for (const node of ['node-a', 'node-b']) {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `${podName}-${node}` },
      spec: {
        nodeSelector: { 'kubernetes.io/hostname': node },
        containers: [
          { name: 'pause', image: pauseImage, resources: { limits: { 'example.com/gpu': '4' } } },
        ],
        terminationGracePeriodSeconds: 0,
      },
    };
    const { kubectlPath, kubeconfigPath } = of;
    const args = ['--kubeconfig', kubeconfigPath, 'apply', '-f', '-'];
    await runCommand(kubectlPath, args, { input: JSON.stringify(pod) });
  }
  await kubectl(['wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s'], of);
}

beforeAll(async () => {
  // What every first cluster of a machine makes, and what is not a cluster's: packages, builds.
  await clusterUp({ name, provider: 'local', nodes: 0, log: () => {} });
  await clusterDown({ name });
  before = await snapshotMachine([name, neighbourName]);
  cluster = await up();
});

afterAll(async () => {
  await clusterDown({ name });
  await clusterDown({ name: neighbourName });
});

test('both nodes are ready, offer accelerators and run pods with all of them', async () => {
  const nodes = await kubectl(['get', 'nodes', '--no-headers']);
  expect(nodes).toMatch(/^node-a\s+Ready\s.*\nnode-b\s+Ready\s/);
  await runPods('first');
});

test('the snapshot sees each kind of thing that a running cluster puts on the machine', async () => {
  const seen = compareSnapshots(before, await snapshotMachine([name, neighbourName]));
  const parts = new Set(seen.map((line) => line.split(' ')[0]));
  expect([...parts]).toEqual(['processes', 'addresses', 'links', 'routes', 'cgroups']);
});

test('up on a healthy cluster starts nothing and keeps everything', async () => {
  await up();
  expect(progress.filter((line) => line.includes('started'))).toEqual([]);
  expect(await kubectl(['get', 'pods', '-o', 'name'])).toContain('pod/first-node-a');
});

test('two clusters stand beside each other', { timeout: wallTimeMs }, async () => {
  const neighbour = await clusterUp({ name: neighbourName, provider: 'local', log: () => {} });
  await runPods('beside', neighbour);
  expect(await kubectl(['get', 'pods', '-o', 'name'], neighbour)).not.toContain('first');
  expect(await kubectl(['get', 'pods', '-o', 'name'])).not.toContain('beside');
  await clusterDown({ name: neighbourName });
  expect(await kubectl(['get', '--raw', '/readyz'])).toBe('ok');
});

test.each([
  ['kube-apiserver', undefined],
  ['etcd', undefined],
  ['coredns', undefined],
  ['containerd', 'node-a'],
  ['kubelet', 'node-b'],
] as const)('up starts a dead %s again and keeps what the cluster holds', async (program, node) => {
  const faults = await clusterFaults(name);
  await faults.kill(program, node);
  expect((await clusterStatus({ name })).healthy).toBe(false);
  await up();
  expect(progress.join('\n')).toContain(`started ${program}`);
  expect((await clusterStatus({ name })).healthy).toBe(true);
  expect(await kubectl(['get', 'pods', '-o', 'name'])).toContain('pod/first-node-a');
});

test('a pod resolves names and reaches the API server and the machine outside', async () => {
  const faults = await clusterFaults(name);
  const uid = await kubectl(['get', 'pod', 'first-node-a', '-o', 'jsonpath={.metadata.uid}']);
  const [pid] = faults.podPids(uid);
  const host = (
    await runCommand('ip', ['-brief', 'address', 'show', layOut(name, 0).hostLink])
  ).match(/203[.\d]+/)?.[0];
  const server = createServer((_request, response) => response.end('from outside'));
  await once(server.listen(0, host), 'listening');
  const { port } = server.address() as AddressInfo;
  const script = `
    const resolver = new (require('node:dns').promises.Resolver)();
    resolver.setServers(['198.19.0.10']);
    (async () => console.log(JSON.stringify({
      api: await resolver.resolve4('kubernetes.default.svc.cluster.local'),
      unknown: await resolver.resolve4('example.com').catch(({ code }) => code),
      outside: await (await fetch('http://${host}:${port}')).text(),
    })))()`;
  const inPod = ['--target', String(pid), '--net', '--', process.execPath, '-e', script];
  expect(JSON.parse(await runCommand('nsenter', inPod))).toEqual({
    api: ['198.19.0.1'],
    unknown: 'ENOTFOUND',
    outside: 'from outside',
  });
  server.close();
});

test('up brings a dead node back, and it runs pods again', async () => {
  const faults = await clusterFaults(name);
  await faults.killNode('node-b');
  await up();
  const restarted = 'jsonpath={.status.containerStatuses[0].restartCount}=1';
  await kubectl(['wait', `--for=${restarted}`, 'pod/first-node-b', '--timeout=60s']);
  await kubectl(['wait', '--for=condition=Ready', 'pod/first-node-b', '--timeout=60s']);
  await kubectl(['delete', 'pod', '--all', '--timeout=60s']);
});

test('up replaces a cluster whose API server hangs', { timeout: wallTimeMs }, async () => {
  const faults = await clusterFaults(name);
  process.kill(faults.pid('kube-apiserver') ?? Number.NaN, 'SIGSTOP');
  await up();
  expect(progress.join('\n')).toContain('making the cluster anew');
  await runPods('again');
});

test('up replaces a cluster whose namespaces have ended', { timeout: wallTimeMs }, async () => {
  const faults = await clusterFaults(name);
  process.kill(faults.initPid(), 'SIGKILL');
  await up();
  await runPods('again');
});

test('up replaces a cluster that was half made', { timeout: wallTimeMs }, async () => {
  rmSync(join(layOut(name, 0).dir, 'cluster.json'));
  writeFileSync(layOut(name, 0).kubeconfigPath, '');
  await up();
  await runPods('again');
});

test('down leaves the machine as it was, and is no error without a cluster', async () => {
  await clusterDown({ name });
  expect(compareSnapshots(before, await snapshotMachine([name, neighbourName]))).toEqual([]);
  expect(existsSync(layOut(name, 0).dir)).toBe(false);
  await clusterDown({ name });
});

test('a control plane without nodes accepts objects', { timeout: wallTimeMs }, async () => {
  cluster = await clusterUp({ name, provider: 'local', nodes: 0, log: () => {} });
  await kubectl(['create', 'configmap', 'kept', '--from-literal=key=value']);
  expect(await kubectl(['get', 'nodes'])).toBe('');
  await clusterDown({ name });
});
