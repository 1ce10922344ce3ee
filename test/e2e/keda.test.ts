import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { runCommand } from '../../hack/command.ts';
import { ensureKubeTools } from '../../hack/kube-tools.ts';
import { findProgram } from '../../hack/programs/programs.ts';
import { createKubectl } from '../support/kubectl.ts';
import { conditionOf, type ModelDeploymentObject, skiff } from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { systemNamespace, useContext } from './context.ts';
import { podsOf } from './elastic.ts';
import { installKeda } from './keda.ts';
import { clusterName } from './setup.ts';
import { startTraffic } from './traffic.ts';

const operator = await findProgram('keda');
const adapter = await findProgram('keda-adapter');
if (!operator || !adapter)
  console.error('The test of KEDA is left out. To include it: make programs');

/** What docs/scale.md says: a command, and a ScaledObject of a model by the name of `chat`. */
const page = readFileSync('docs/scale.md', 'utf8');
const command = /^helm (.* --set keda\.enabled=true)$/m.exec(page)?.[1] ?? '';
const documented = /^```yaml\n([^`]*kind: ScaledObject\n[^`]*)```$/m.exec(page)?.[1] ?? '';
const patienceMs = 120_000;

interface ScaledObject {
  spec: object;
  status?: { hpaName?: string; conditions?: { type: string; status: string }[] };
}

describe.skipIf(!operator || !adapter)('KEDA', { timeout: 400_000 }, () => {
  const context = useContext('e2e-keda');
  const { kubectl } = context;
  let removeKeda: (() => Promise<void>) | undefined;

  beforeAll(async () => {
    const access = inject('clusterAccess');
    const { helmPath } = await ensureKubeTools();
    const programs = { keda: operator ?? '', 'keda-adapter': adapter ?? '' };
    [removeKeda] = await Promise.all([
      installKeda(clusterName, access, programs),
      runCommand(helmPath, command.split(' '), { env: { KUBECONFIG: access.kubeconfigPath } }),
    ]);
    const rollout = ['rollout', 'status', 'deployment/fairlead-operator', '--timeout=120s'];
    await createKubectl(access, systemNamespace).run(rollout);
  });
  afterAll(async () => {
    // Its finalizer is KEDA's work.
    await kubectl.run(['delete', 'scaledobject', '--all', '--timeout=60s']);
    await removeKeda?.();
  });

  const model = () => kubectl.getJson<ModelDeploymentObject>('mdep', 'chat');
  const until = (what: string, is: (now: ModelDeploymentObject) => boolean) =>
    waitUntil(
      what,
      async () => {
        const now = await model();
        return is(now) ? now : undefined;
      },
      patienceMs,
    );
  const events = async () =>
    (
      await kubectl.getJson<{ items: { reason: string; eventTime: string; note: string }[] }>(
        'events.events.k8s.io',
        '--field-selector=regarding.kind=ScaledObject',
      )
    ).items;
  /** Applies the documented object with what a test changes. */
  const scale = (spec: object) => {
    const object = parse(documented) as ScaledObject;
    return kubectl.apply({ ...object, spec: { ...object.spec, ...spec } });
  };

  test('a request for a model at zero is held, KEDA is told at once and wakes it', async () => {
    const resources = { requests: { cpu: '50m' }, limits: { cpu: '300m' } };
    await kubectl.apply(skiff('chat', { replicas: 0, resources }));
    // Only what is pushed can wake it so.
    await scale({ pollingInterval: 3600 });
    await waitUntil('KEDA has made the HorizontalPodAutoscaler', async () => {
      const { status } = await kubectl.getJson<ScaledObject>('scaledobject', 'chat');
      const isReady = status?.conditions?.some(
        (one) => one.type === 'Ready' && one.status === 'True',
      );
      return isReady && status?.hpaName ? true : undefined;
    });
    expect((await model()).spec.replicas).toBe(0);

    const askedAt = Date.now();
    const completion = await context.openai().chat.completions.create({
      model: 'chat',
      messages: [{ role: 'user', content: 'Who are you?' }],
      temperature: 0,
    });
    const answeredMs = Date.now() - askedAt;
    expect(completion.choices[0]?.message.content).toContain('Skiff');
    const woken = await waitUntil('KEDA tells that it scaled', async () =>
      (await events()).find(({ reason }) => reason === 'KEDAScaleTargetActivated'),
    );
    expect(woken.note).toMatch(/Scaled .*chat from 0 to 1/);
    const scaledMs = Date.parse(woken.eventTime) - askedAt;
    console.log(`KEDA: asked to scaled ${scaledMs} ms, to answered ${answeredMs} ms`);
  });

  test('load adds replicas through its HorizontalPodAutoscaler, and Fairlead’s own autoscaler keeps out', async () => {
    const traffic = startTraffic(context.openai(), { model: 'chat', clients: 8, tokens: 200 });
    try {
      await until('two replicas serve', ({ status }) => (status?.readyReplicas ?? 0) >= 2);
      const autoscaling = { autoscaling: { maxReplicas: 1 } };
      const patch = (spec: object) =>
        kubectl.run(['patch', 'mdep/chat', '--type=merge', '-p', JSON.stringify({ spec })]);
      await patch(autoscaling);
      const told = await until(
        'the condition names the other scaler',
        (now) => conditionOf(now, 'ScalingLimited')?.reason === 'AnotherScaler',
      );
      expect(conditionOf(told, 'ScalingLimited')?.message).toContain('keda-hpa-chat');
      expect(told.spec.replicas).toBeGreaterThanOrEqual(2);
      await patch({ autoscaling: null });
    } finally {
      await traffic.stop();
    }
    expect(traffic.log.filter(({ outcome }) => outcome !== 'whole')).toEqual([]);
  });

  test('nobody asks any more: back to none after the cooldown', async () => {
    await scale({ pollingInterval: 1, cooldownPeriod: 3 });
    await until('none is asked for', ({ spec }) => spec.replicas === 0);
    await waitUntil('no pod is left', async () =>
      (await podsOf(kubectl, 'chat')).length === 0 ? true : undefined,
    );
    expect((await events()).map(({ reason }) => reason)).toContain('KEDAScaleTargetDeactivated');
  });
});
