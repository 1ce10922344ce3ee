import { afterEach, beforeEach, expect, test } from 'vitest';
import { modelDeploymentLabel } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { createClient, type KubeClient } from '../../kube/client.ts';
import { type Logger, silentLogger } from '../../kube/logger.ts';
import { controllerReference } from '../../kube/object.ts';
import type { Handler } from '../../kube/reflector.ts';
import type { Pod } from '../../kube/resources.ts';
import { createStore } from '../../kube/store.ts';
import { type ScriptedServer, startScriptedServer } from '../../kube/testing/scripted-server.ts';
import { eventually } from '../../kube/testing/wait.ts';
import { podIndexes } from '../modeldeployment/indexes.ts';
import { modelDeployment, pod as somePod } from '../testing/fixtures.ts';
import { type ColdStarts, recordColdStarts } from './record.ts';

const startTime = '2026-11-21T11:00:01Z';
const readyAt = '2026-11-21T11:00:09Z';
const deployment = modelDeployment();

let api: ScriptedServer;
let client: KubeClient;
let coldStarts: ColdStarts;
let observed: Record<string, number>;
let logged: object[];
let recorded: string[];
/** What the watch brings: the pod as it is from now on. */
let bring: (pod: Pod) => void;

beforeEach(async () => {
  api = await startScriptedServer();
  client = createClient(api.config);
  api.state.put('/apis/events.k8s.io/v1/events', 'models/pulled', {
    metadata: { name: 'pulled', namespace: 'models' },
    reason: 'Pulled',
    note: 'Successfully pulled image "engine:1" in 2s (3.6s including waiting). Image size: 7 bytes.',
  });
  observed = {};
  logged = [];
  recorded = [];
  const store = createStore<Pod>(podIndexes);
  const modelDeployments = createStore<ModelDeployment>();
  modelDeployments.set(deployment);
  let handler: Handler<Pod> = () => {};
  const log: Logger = { ...silentLogger, info: (fields) => void logged.push(fields) };
  coldStarts = recordColdStarts({
    client,
    pods: {
      store,
      addHandler(added) {
        handler = added;
        return () => {};
      },
    },
    modelDeployments,
    log,
    observe: (model, stage, seconds) => {
      observed[`${model} ${stage}`] = seconds;
    },
    onRecorded: (key) => recorded.push(key),
    settleMs: 0,
  });
  bring = (pod) => handler(store.set(pod), pod, 'watch');
});
afterEach(async () => {
  coldStarts.stop();
  await client.close();
  await api.stop();
});

function pod(name: string, ready: 'True' | 'False', since: string): Pod {
  const conditions = [{ type: 'Ready', status: ready, lastTransitionTime: since }];
  return somePod(
    { startTime, conditions } as unknown as Pod['status'] & object,
    {
      name,
      uid: `uid-${name}`,
      labels: { [modelDeploymentLabel]: 'skiff' },
      ownerReferences: [controllerReference(deployment)],
    } as Partial<Pod['metadata']>,
  );
}

test('a model’s first replica is measured once: metric, log and status', async () => {
  bring(pod('a', 'False', startTime));
  bring(pod('a', 'True', readyAt));
  await eventually('it is recorded', () => recorded.length === 1);
  expect(recorded).toEqual(['models/skiff']);
  expect(observed).toMatchObject({ 'skiff image_pull': 3.6, 'skiff total': 9 });
  expect(logged).toEqual([
    expect.objectContaining({ model: 'skiff', pod: 'a', image_pull_s: 3.6, total_s: 9 }),
  ]);
  const lastColdStart = coldStarts.lastOf(deployment);
  expect(lastColdStart).toMatchObject({ pod: 'a', readyAt, imagePullSeconds: 4, totalSeconds: 9 });
  const [asked] = api.seen;
  expect(asked?.path).toBe('/apis/events.k8s.io/v1/namespaces/models/events');
  expect(asked?.query.get('fieldSelector')).toBe('regarding.uid=uid-a');

  // Another replica beside it, and the same one after it was not ready for a while, are no cold starts.
  bring(pod('b', 'False', startTime));
  bring(pod('b', 'True', readyAt));
  bring(pod('b', 'False', '2026-11-21T11:05:00Z'));
  bring(pod('a', 'False', '2026-11-21T11:05:00Z'));
  bring(pod('a', 'True', '2026-11-21T11:05:02Z'));
  bring(pod('a', 'False', '2026-11-21T11:06:00Z'));
  bring(pod('c', 'False', startTime));
  bring(pod('c', 'True', readyAt));
  await eventually('the next cold start is recorded', () => recorded.length > 1);
  expect(api.seen.map(({ query }) => query.get('fieldSelector'))).toEqual([
    'regarding.uid=uid-a',
    'regarding.uid=uid-c',
  ]);
});

test('without Events it is measured all the same', async () => {
  api.fault = () => ({ status: 403 });
  bring(pod('a', 'False', startTime));
  bring(pod('a', 'True', readyAt));
  await eventually('it is recorded', () => recorded.length === 1);
  expect(observed).toMatchObject({ 'skiff image_pull': 0, 'skiff total': 9 });
});

test('what the status has stays until there is a newer one', () => {
  const known = { pod: 'old', readyAt, totalSeconds: 1 };
  const before = { ...deployment, status: { lastColdStart: known } } as unknown as ModelDeployment;
  expect(coldStarts.lastOf(before)).toEqual(known);
  expect(coldStarts.lastOf(deployment)).toBeUndefined();
});
