import type {
  V1CustomResourceDefinitionSpec,
  V1DeploymentSpec,
  V1DeploymentStatus,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { covers } from '../../kube/apply.ts';
import { createClient, type KubeClient } from '../../kube/client.ts';
import { loadKubeConfig } from '../../kube/config.ts';
import { isServed } from '../../kube/discovery.ts';
import {
  isAlreadyExists,
  isConflict,
  isGone,
  isInvalid,
  isNotFound,
  KubeApiError,
} from '../../kube/errors.ts';
import { createEventRecorder } from '../../kube/events.ts';
import {
  ConfigMaps,
  type Event,
  Events,
  Pods,
  type SpecAndStatus,
  served,
} from '../../kube/resources.ts';
import { Widgets } from '../../kube/testing/objects.ts';
import { eventually } from '../../kube/testing/wait.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

const Deployments = served<SpecAndStatus<V1DeploymentSpec, V1DeploymentStatus>>(
  'apps/v1',
  'Deployment',
);
const CustomResourceDefinitions = served<SpecAndStatus<V1CustomResourceDefinitionSpec, never>>(
  'apiextensions.k8s.io/v1',
  'CustomResourceDefinition',
  { namespaced: false },
);
let plane: ControlPlane;
let client: KubeClient;
beforeAll(async () => {
  plane = await startControlPlane();
  client = createClient(await loadKubeConfig({ kubeconfigPath: plane.kubeconfigPath }));
});
afterAll(async () => {
  await client.close();
  await plane.stop();
});
const map = (name: string, value = '') => ({
  metadata: { name, namespace: 'default' },
  data: { value },
});
const ref = (name: string) => ({ namespace: 'default', name });
const rejection = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable('resolved'),
    (error: unknown) => error,
  );

describe('client on a real API server', () => {
  it('creates, reads, patches and deletes, and types each refusal', async () => {
    const created = await client.create(ConfigMaps, map('a', '1'));
    expect(isAlreadyExists(await rejection(client.create(ConfigMaps, map('a'))))).toBe(true);
    const { resourceVersion } = created.metadata;
    const patch = (patchType: 'merge' | 'json', body: object) =>
      client.patch(ConfigMaps, ref('a'), body, { patchType, fieldManager: 'tester' });
    await patch('merge', { metadata: { resourceVersion }, data: { value: '2' } });
    const stale = patch('merge', { metadata: { resourceVersion }, data: { value: '3' } });
    expect(isConflict(await rejection(stale))).toBe(true);
    await patch('json', [{ op: 'replace', path: '/data/value', value: '4' }]);
    expect((await client.get(ConfigMaps, ref('a'))).data).toEqual({ value: '4' });
    expect(isConflict(await rejection(client.delete(ConfigMaps, ref('a'), { uid: 'x' })))).toBe(
      true,
    );
    await client.delete(ConfigMaps, ref('a'), { uid: created.metadata.uid });
    expect(isNotFound(await rejection(client.delete(ConfigMaps, ref('a'))))).toBe(true);
    const invalid = await rejection(
      client.create(ConfigMaps, { metadata: { name: 'UPPER', namespace: 'default' } }),
    );
    expect(isInvalid(invalid)).toBe(true);
    expect(invalid).toMatchObject({ causes: [{ field: 'metadata.name' }] });
  });

  it('applies with one manager for each set of fields, and gives up what it leaves out', async () => {
    const apply = (data: Record<string, string>, fieldManager: string, force?: boolean) =>
      client.apply(ConfigMaps, { metadata: ref('ssa'), data }, { fieldManager, force });
    await apply({ one: '1', both: '1' }, 'one');
    await apply({ two: '2' }, 'two');
    expect(isConflict(await rejection(apply({ both: '2' }, 'two')))).toBe(true);
    await apply({ both: '2' }, 'two', true);
    const after = await apply({ one: '1' }, 'one');
    expect(after.data).toEqual({ one: '1', both: '2' });
  });

  it('reads and writes the status and scale subresources', async () => {
    const labels = { app: 'x' };
    await client.apply(
      Deployments,
      {
        metadata: ref('scaled'),
        spec: {
          replicas: 1,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: { containers: [{ name: 'c', image: 'example.com/none' }] },
          },
        },
      },
      { fieldManager: 'tester' },
    );
    const scale = { patchType: 'merge', subresource: 'scale' } as const;
    await client.patch(Deployments, ref('scaled'), { spec: { replicas: 3 } }, scale);
    const read = await client.get(Deployments, ref('scaled'), { subresource: 'scale' });
    expect(read).toMatchObject({ kind: 'Scale', spec: { replicas: 3 } });
    const status = { observedGeneration: 7 };
    const written = await client.apply(
      Deployments,
      { metadata: ref('scaled'), status },
      { fieldManager: 'tester-status', subresource: 'status' },
    );
    expect(covers(written.status, status)).toBe(true);
    expect(written.spec.replicas).toBe(3);
  });

  it('pages through 1,200 objects, and is told when what it resumes from is compacted', async () => {
    const names = Array.from({ length: 1_200 }, (_, index) => `page-${index}`);
    await Promise.all(
      names.map((name) =>
        client.create(ConfigMaps, {
          metadata: { name, namespace: 'default', labels: { set: 'page' } },
        }),
      ),
    );
    const options = { namespace: 'default', labelSelector: 'set=page' };
    const { items, resourceVersion } = await client.list(ConfigMaps, options);
    expect(new Set(items.map(({ metadata }) => metadata.name))).toEqual(new Set(names));
    await client.patch(ConfigMaps, ref('page-0'), { data: { a: 'b' } }, { patchType: 'merge' });
    await plane.compact();
    await plane.killApiServer();
    await plane.startApiServer();
    const from = { resourceVersion, timeoutSeconds: 5 };
    expect(isGone(await rejection(client.watch(ConfigMaps, from, () => {})))).toBe(true);
  });

  it('says which kinds are served, also of a CRD that comes and goes', async () => {
    expect(await isServed(client, Pods)).toBe(true);
    expect(await isServed(client, Widgets)).toBe(false);
    const { group, version, kind, plural } = Widgets;
    const schema = { openAPIV3Schema: { type: 'object' } };
    await client.create(CustomResourceDefinitions, {
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind, plural },
        versions: [{ name: version, served: true, storage: true, schema }],
      },
    });
    await eventually('the kind', () => isServed(client, Widgets));
    await client.delete(CustomResourceDefinitions, { name: `${plural}.${group}` });
    await eventually('no kind', async () => !(await isServed(client, Widgets)));
  });

  it('writes events that the server accepts, and their series', async () => {
    const subject = await client.create(ConfigMaps, map('subject'));
    const recorder = createEventRecorder({
      client,
      reportingController: 'example.com/tester',
      reportingInstance: 'tester-0',
      clock: { nowMs: () => now, after: () => () => {} },
    });
    let now = 0;
    const event = { type: 'Warning', reason: 'Broken', action: 'Try' } as const;
    recorder.record(subject, { ...event, note: 'ä'.repeat(2_000) });
    now = 20_000;
    recorder.record(subject, { ...event, note: 'ä'.repeat(2_000) });
    await recorder.flush();
    const { items } = await client.list<Event>(Events, { namespace: 'default' });
    const ours = items.filter(({ regarding }) => regarding.uid === subject.metadata.uid);
    expect(ours).toHaveLength(1);
    expect(ours[0]).toMatchObject({ reason: 'Broken', series: { count: 2 } });
  });

  it('keeps what it was told of a server that refuses the token', async () => {
    const stranger = createClient({
      ...plane.config,
      credentials: async () => ({
        ...(await plane.config.credentials()),
        headers: { authorization: 'Bearer wrong' },
      }),
    });
    const error = await rejection(stranger.get(ConfigMaps, ref('subject')));
    expect(error).toBeInstanceOf(KubeApiError);
    expect(error).toMatchObject({ status: 401 });
    await stranger.close();
  });
});
