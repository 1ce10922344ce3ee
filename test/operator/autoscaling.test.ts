import { describe, expect, test } from 'vitest';
import { ModelDeployments } from '../../crds/modeldeployment.ts';
import { Pods } from '../../kube/resources.ts';
import { waitUntil } from '../support/wait-until.ts';
import { skiff } from './cluster.ts';
import { useScalingCluster } from './scaling-cluster.ts';

const cluster = useScalingCluster('operator-scaling');
const { replicas, condition, model } = cluster;

/** Windows so short that a fall is seen within a test. */
const autoscaling = {
  minReplicas: 0,
  maxReplicas: 4,
  target: { inFlightPerReplica: 2 },
  scaleUpWindow: '3s',
  scaleDownWindow: '2s',
  idleTimeout: '3s',
};
const slow = { ...autoscaling, scaleDownWindow: '1h', idleTimeout: '1h' };
const make = (name: string, spec: Record<string, unknown>) =>
  cluster.kubectl().apply(skiff(name, spec));
const eventsOf = async (name: string) =>
  (
    await cluster
      .kubectl()
      .getJson<{ items: { reason: string; note: string }[] }>(
        'events.events.k8s.io',
        `--field-selector=regarding.name=${name}`,
      )
  ).items;

describe('the built-in autoscaler', () => {
  test('from none to many and back to none, as the requests come and go', async () => {
    await make('waves', { autoscaling });
    await replicas('waves', 0);
    expect((await condition('waves', 'ScaledToZero', 'Available')).message).toMatch(
      /the next one starts a replica/,
    );
    const pods = await cluster.client().list(Pods, {
      namespace: 'default',
      labelSelector: 'fairlead.dev/model-deployment=waves',
    });
    expect(pods.items).toEqual([]);

    cluster.router().say('waves', { held: 1 });
    await replicas('waves', 1);
    cluster.router().say('waves', { held: 20 });
    await replicas('waves', 4);
    expect((await condition('waves', 'AtMaxReplicas')).message).toMatch(/maxReplicas, which is 4/);

    cluster.router().say('waves', {});
    await replicas('waves', 0);
    await condition('waves', 'WithinBounds');
    const reasons = await waitUntil('both ways are told', async () => {
      const told = new Set((await eventsOf('waves')).map(({ reason }) => reason));
      return told.has('ScaledUp') && told.has('ScaledDown') ? told : undefined;
    });
    expect(reasons).toContain('ScaledUp');
  });

  test('bounds that change at run time are honoured at once', async () => {
    await make('bounds', { autoscaling: slow });
    cluster.router().say('bounds', { inFlight: 8 });
    await replicas('bounds', 4);
    await make('bounds', { autoscaling: { ...slow, maxReplicas: 2 } });
    await replicas('bounds', 2);
    await make('bounds', { autoscaling: { ...slow, minReplicas: 6, maxReplicas: 6 } });
    await replicas('bounds', 6);
  });

  test('a schedule that is on is a floor', async () => {
    const always = { start: '* * * * *', duration: '2m', minReplicas: 3 };
    await make('scheduled', { autoscaling: { ...slow, schedules: [always] } });
    await replicas('scheduled', 3);
    const reversed = { ...always, start: '0 18-8 * * *' };
    await make('misplanned', { autoscaling: { ...slow, schedules: [reversed] } });
    expect((await condition('misplanned', 'ScheduleRefused')).message).toMatch(
      /^spec\.autoscaling\.schedules\[0\]\.start is left out: /,
    );
  });

  test('an operator that is killed and started anew under load changes no replica count', async () => {
    await make('steady', { autoscaling: slow });
    cluster.router().say('steady', { inFlight: 6 });
    await replicas('steady', 3);
    const before = await model('steady');
    await cluster.restartOperator();
    // Another model proves that the new one scales, and had the time to scale this one too.
    await make('witness', { autoscaling: { ...slow, scaleUpWindow: '0s' } });
    cluster.router().say('steady', { inFlight: 5 });
    cluster.router().say('witness', { held: 1 });
    await replicas('witness', 1);
    cluster.router().say('steady', { inFlight: 6 });
    cluster.router().say('witness', { held: 5 });
    await replicas('witness', 3);
    const after = await model('steady');
    expect(after.metadata.generation).toBe(before.metadata.generation);
    expect(after.spec.replicas).toBe(3);
  });

  test('without autoscaling spec.replicas is nobody’s but the user’s', async () => {
    await make('manual', { replicas: 2 });
    await make('measure', { autoscaling: slow });
    cluster.router().say('manual', { inFlight: 50, held: 50 });
    cluster.router().say('measure', { held: 1 });
    await replicas('measure', 1);
    const { spec, metadata, status } = await waitUntil('manual has a status', async () => {
      const now = await model('manual');
      return now.status ? now : undefined;
    });
    expect(spec.replicas).toBe(2);
    expect(metadata.generation).toBe(1);
    expect(status?.conditions.map(({ type }) => type)).not.toContain('ScalingLimited');
  });

  test('scaling by hand is kept for the scale-down window', async () => {
    await make('by-hand', { autoscaling: slow });
    cluster.router().say('by-hand', { inFlight: 1 });
    await replicas('by-hand', 1);
    await cluster.kubectl().run(['scale', 'mdep/by-hand', '--replicas=3']);
    cluster.router().say('by-hand', { inFlight: 2 });
    await make('after-hand', { autoscaling: slow });
    cluster.router().say('after-hand', { held: 1 });
    await replicas('after-hand', 1);
    expect((await model('by-hand')).spec.replicas).toBe(3);
  });
});

const target = (name: string) => ({
  apiVersion: 'fairlead.dev/v1alpha1',
  kind: 'ModelDeployment',
  name,
});
const hpa = (name: string, spec: object) => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name },
  spec: {
    scaleTargetRef: target(name),
    minReplicas: 0,
    maxReplicas: 5,
    metrics: [
      {
        type: 'External',
        external: {
          metric: { name: 'fairlead_demand', selector: { matchLabels: { model: name } } },
          target: { type: 'AverageValue', averageValue: '2' },
        },
      },
    ],
    behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
    ...spec,
  },
});

describe('a HorizontalPodAutoscaler', () => {
  test('of a model with autoscaling is respected, and told of', async () => {
    await make('contested', { replicas: 1, autoscaling: { ...slow, minReplicas: 1 } });
    await cluster.kubectl().apply(hpa('contested', { minReplicas: 2 }));
    expect((await condition('contested', 'AnotherScaler')).message).toMatch(
      /HorizontalPodAutoscaler contested scales this object/,
    );
    cluster.router().say('contested', { inFlight: 10 });
    await replicas('contested', 5);
    await cluster.kubectl().run(['delete', 'hpa', 'contested']);
    await condition('contested', 'AtMaxReplicas');
    await replicas('contested', 4);
  });

  test('reads the external metric through the aggregation layer', async () => {
    await make('metered', { replicas: 1 });
    cluster.router().say('metered', { inFlight: 3, held: 2 });
    const path = '/apis/external.metrics.k8s.io/v1beta1';
    const list = await waitUntil('the metric is served', () =>
      cluster
        .client()
        .getPath<{ items: { metricLabels: object; value: string }[] }>(
          `${path}/namespaces/default/fairlead_demand?labelSelector=model%3Dmetered`,
        ),
    );
    expect(list.items).toEqual([
      expect.objectContaining({ metricLabels: { model: 'metered' }, value: '5' }),
    ]);
    const names = await cluster.client().getPath<{ resources: { name: string }[] }>(path);
    expect(names.resources.map(({ name }) => name)).toEqual(['fairlead_demand']);
    const nobody = cluster
      .kubectl()
      .run(['get', '--raw', `${path}/namespaces/default/fairlead_demand`, '--as=nobody']);
    await expect(nobody).rejects.toThrow(/forbidden/i);
  });

  test('scales a model by it, down to none and up again', async () => {
    await make('driven', { replicas: 1 });
    cluster.router().say('driven', { inFlight: 7 });
    await cluster.kubectl().apply(hpa('driven', {}));
    await replicas('driven', 4);
    cluster.router().say('driven', {});
    await replicas('driven', 0);
    cluster.router().say('driven', { held: 3 });
    await replicas('driven', 2);
  });
});

test('the operator may write the scale of models, and nothing else of them', async () => {
  const as = '--as=system:serviceaccount:default:fairlead-operator';
  const can = async (...what: string[]) => {
    const answer = cluster.kubectl().run(['auth', 'can-i', ...what, as]);
    return (await answer.catch(() => 'no')).trim();
  };
  const models = `${ModelDeployments.plural}.${ModelDeployments.group}`;
  expect(await can('patch', models, '--subresource=scale')).toBe('yes');
  expect(await can('patch', models)).toBe('no');
  expect(await can('update', 'horizontalpodautoscalers.autoscaling')).toBe('no');
});
