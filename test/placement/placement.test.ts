import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterFaults } from '../../hack/cluster/local/faults.ts';
import { findProgram } from '../../hack/programs/programs.ts';
import { skiff, useCluster } from '../operator/cluster.ts';
import { type OperatorProcess, startOperator } from '../operator/operator-process.ts';
import { waitUntil } from '../support/wait-until.ts';
import { groupEngine, installLws } from './lws.ts';

const lws = await findProgram('lws');
const driver = await findProgram('dra-driver');
if (!lws || !driver)
  console.error(
    'Tests of replicas on several hosts or with devices by class are left out. To include them: make programs',
  );

const name = 'placement';

describe.skipIf(!lws && !driver)('placement', { timeout: 600_000 }, () => {
  const cluster = useCluster(name, ['chat']);
  const { kubectl, condition, model } = cluster;
  let operator: OperatorProcess;
  let plugin: ChildProcess | undefined;

  beforeAll(async () => {
    operator = await startOperator(cluster.kubeconfigPath());
    const { initPid, nodeNames } = await clusterFaults(name);
    const [node = ''] = nodeNames;
    if (driver) plugin = startDriver(initPid(node), node, cluster.access().kubeconfigPath);
    if (lws) await installLws(name, kubectl(), lws);
  });
  afterAll(async () => {
    await operator?.stop();
    if (plugin && plugin.exitCode === null) {
      const closed = once(plugin, 'close');
      plugin.kill();
      await closed;
    }
  });

  const pods = async (of: string) =>
    (await cluster.pods(of)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const serving = (of: string, count: number) =>
    waitUntil(
      `${count} replicas of ${of} serve`,
      async () => {
        const { status } = await model(of);
        const all = await pods(of);
        return status?.readyReplicas === count &&
          status.replicas === count &&
          all.length === 2 * count
          ? all
          : undefined;
      },
      120_000,
    );

  test.skipIf(!lws)(
    'a replica of two hosts: made, scaled, rolled out and deleted as one',
    async () => {
      const group = (args: string[]) => ({
        nodes: 2,
        // A stand-in has no requests to end.
        rollout: { drainTimeout: '1s' },
        engine: {
          type: 'Custom',
          image: cluster.image('chat'),
          command: ['node', '-e', groupEngine, 'group'],
          args,
        },
      });
      await kubectl().apply(skiff('large', group(['a'])));
      await condition('large', 'Ready', 'True', 'Ready');
      const [leader, worker] = (await serving('large', 1)).map(({ metadata }) => metadata);
      expect(leader?.name).toMatch(/^large-[0-9a-f]{8}-0-0$/);
      expect(worker?.name).toBe(`${leader?.name}-1`);

      await kubectl().run(['scale', 'mdep/large', '--replicas=2']);
      await serving('large', 2);

      const before = (await model('large')).status?.currentRevision;
      await kubectl().apply(skiff('large', { ...group(['b']), replicas: 2 }));
      await waitUntil('the new revision is rolled out', async () => {
        const { status } = await model('large');
        return status?.currentRevision !== before ? true : undefined;
      });
      const after = await serving('large', 2);
      for (const { metadata } of after) expect(metadata.name).not.toContain(before);

      await kubectl().run(['scale', 'mdep/large', '--replicas=1']);
      await serving('large', 1);
      const groups = async () =>
        (await kubectl().run(['get', 'leaderworkersets', '-o', 'name']))
          .split('\n')
          .filter(Boolean);
      expect(await groups()).toHaveLength(1);

      await kubectl().run(['delete', 'mdep', 'large']);
      await waitUntil('all of it is gone', async () =>
        (await groups()).length === 0 && (await pods('large')).length === 0 ? true : undefined,
      );
    },
  );

  test.skipIf(!lws)(
    'a worker without a node: the status names it, with the scheduler’s words',
    async () => {
      const engine = {
        type: 'Custom',
        image: cluster.image('chat'),
        command: ['node', '-e', groupEngine, 'group'],
      };
      const accelerator = { profile: 'fake-gpu', count: 3 };
      const rollout = { drainTimeout: '1s' };
      await kubectl().apply(skiff('halved', { nodes: 2, engine, accelerator, rollout }));
      const message = await condition('halved', 'Ready', 'False', 'Unschedulable');
      expect(message).toMatch(
        /Replica halved-\w+-0-0: its worker halved-\w+-0-0-1: 0\/1 nodes .*Insufficient example\.com\/gpu/,
      );
      await kubectl().run(['delete', 'mdep', 'halved']);
    },
  );

  test.skipIf(!driver)(
    'devices by class: each pod has a claim of its own, until no device is left',
    async () => {
      interface Claim {
        metadata: { ownerReferences: { name: string }[] };
        status?: { allocation?: { devices: { results: { device: string }[] } } };
      }
      const allocated = async () =>
        (await kubectl().getJson<{ items: Claim[] }>('resourceclaims')).items.flatMap(
          ({ status }) => status?.allocation?.devices.results.map(({ device }) => device) ?? [],
        );
      await kubectl().apply(
        {
          apiVersion: 'resource.k8s.io/v1',
          kind: 'DeviceClass',
          metadata: { name: 'gpu.example.com' },
          spec: { selectors: [{ cel: { expression: `device.driver == '${driverName}'` } }] },
        },
        {
          apiVersion: 'fairlead.dev/v1alpha1',
          kind: 'AcceleratorProfile',
          metadata: { name: 'by-class' },
          spec: { deviceClassName: 'gpu.example.com' },
        },
      );
      await kubectl().apply(skiff('claimed', { accelerator: { profile: 'by-class', count: 2 } }));
      await condition('claimed', 'Ready', 'True', 'Ready');
      expect(new Set(await allocated()).size).toBe(2);

      await kubectl().run(['scale', 'mdep/claimed', '--replicas=2']);
      const message = await condition('claimed', 'Scheduled', 'False', 'Unschedulable');
      expect(message).toMatch(/Replica claimed-\w+-1: 0\/1 nodes are available: .*claim/);
      await condition('claimed', 'Available', 'True', 'ReplicasReady');
      await kubectl().run(['scale', 'mdep/claimed', '--replicas=1']);
      await condition('claimed', 'Ready', 'True', 'Ready');
      await kubectl().run(['delete', 'mdep', 'claimed']);
      await waitUntil('the devices are free', async () =>
        (await allocated()).length === 0 ? true : undefined,
      );
    },
  );
});

const driverName = 'test-driver.cdi.k8s.io';

/** The driver on a node, as its DaemonSet would run it: three devices that are none. */
function startDriver(nodePid: number, node: string, kubeconfigPath: string): ChildProcess {
  const inside = ['--target', `${nodePid}`, '--mount', '--net', '--pid', '--'];
  const folder = `mkdir -p /var/lib/kubelet/plugins/${driverName}`;
  const script = `${folder} && exec "$0" --kubeconfig "$1" kubelet-plugin --node-name "$2" --num-devices 3`;
  const args = [...inside, 'sh', '-c', script, driver ?? '', kubeconfigPath, node];
  return spawn('nsenter', args, { stdio: 'ignore' });
}
