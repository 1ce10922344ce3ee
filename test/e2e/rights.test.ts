import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { acceleratorProfile, type PodObject, skiff } from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { systemNamespace, useContext } from './context.ts';

const context = useContext('e2e-rights');
const { kubectl } = context;
const programs = ['fairlead-operator', 'fairlead-router'] as const;

interface AuditEvent {
  verb: string;
  user: { username: string };
  objectRef?: { apiGroup?: string; resource: string; subresource?: string };
  annotations?: { 'authorization.k8s.io/decision'?: 'allow' | 'forbid' };
}

interface JobObject {
  metadata: { ownerReferences: { name: string }[] };
}

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

beforeAll(async () => {
  const rollout = { revisionHistoryLimit: 0 };
  await kubectl.apply(skiff('rights', { replicas: 2, rollout }));
  await kubectl.waitFor('mdep/rights', 'condition=Ready');
  await kubectl.run(['scale', 'mdep/rights', '--replicas=1']);
  const podCount = async (count: number) => {
    const { items } = await kubectl.getJson<{ items: PodObject[] }>('pods');
    return items.length === count ? true : undefined;
  };
  await waitUntil('one pod', () => podCount(1));
  const revisions = async () =>
    (await kubectl.run(['get', 'controllerrevisions', '-o', 'name'])).trim();
  const first = await revisions();
  const engine = { type: 'LlamaCpp', maxConcurrency: 2 };
  await kubectl.apply(skiff('rights', { replicas: 1, rollout, engine }));
  await waitUntil('the first revision is forgotten', async () => {
    const kept = await revisions();
    return kept !== '' && !kept.includes(first) ? podCount(1) : undefined;
  });
  await kubectl.apply({
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'ExternalModel',
    metadata: { name: 'elsewhere' },
    spec: { baseURL: 'https://models.example.com/v1' },
  });
  await kubectl.waitFor('externalmodel/elsewhere', 'condition=Accepted=False');
  await kubectl.apply({
    ...acceleratorProfile('rights-dra', ''),
    spec: { deviceClassName: 'gpu.example.com' },
  });
  await kubectl.apply(skiff('rights-dra', { accelerator: { profile: 'rights-dra' } }));
  await waitUntil('a claim template', async () => {
    const { items } = await kubectl.getJson<{ items: object[] }>('resourceclaimtemplates');
    return items.length === 1 ? true : undefined;
  });
});
beforeAll(async () => {
  await kubectl.apply(skiff('rights-scaled', { autoscaling: { minReplicas: 0, maxReplicas: 1 } }));
  await kubectl.run([
    'wait',
    'mdep/rights-scaled',
    '--for=jsonpath={.spec.replicas}=0',
    '--timeout=60s',
  ]);
});
beforeAll(async () => {
  const ofCache = { source: { uri: 'hf://org/m/q4.gguf', cache: 'unbound' } };
  const owners = async () => {
    const { items } = await kubectl.getJson<{ items: JobObject[] }>('jobs');
    return items.flatMap(({ metadata }) => metadata.ownerReferences.map((owner) => owner.name));
  };
  const becomes = (wanted: string[]) =>
    waitUntil(`a Job for ${wanted}`, async () =>
      isDeepStrictEqual((await owners()).sort(), wanted) ? true : undefined,
    );
  await kubectl.apply(skiff('cached-a', ofCache));
  await becomes(['cached-a']);
  await kubectl.apply(skiff('cached-b', ofCache));
  await becomes(['cached-a', 'cached-b']);
  await kubectl.apply(skiff('cached-a', { replicas: 0 }));
  await becomes(['cached-b']);
  await kubectl.apply(skiff('cached-b', { replicas: 0 }));
  await becomes([]);
  const engine = { type: 'Custom', image: 'local.test/llama-server:1' };
  await kubectl.apply(skiff('rights-group', { nodes: 2, engine }));
  await kubectl.waitFor('mdep/rights-group', 'condition=Stalled');
});
afterAll(() => kubectl.run(['delete', 'acceleratorprofile', 'rights-dra']));

/** What a program asked of the API server so far, by the server's own audit log. */
function auditOf(program: string): AuditEvent[] {
  const username = `system:serviceaccount:${systemNamespace}:${program}`;
  return (
    readFileSync(join(inject('clusterAccess').logsDir, 'audit.log'), 'utf8')
      .split('\n')
      // What stands behind the last line's end is still being written.
      .slice(0, -1)
      .filter((line) => line.includes(username))
      .map((line) => JSON.parse(line) as AuditEvent)
  );
}

/** Such as `patch fairlead.dev/modeldeployments/status`. */
function rightOf({ verb, objectRef }: AuditEvent): string {
  const { apiGroup = '', resource = '', subresource } = objectRef ?? {};
  return `${verb} ${[apiGroup, resource, ...(subresource ? [subresource] : [])].join('/')}`;
}

/** Every right that the chart's roles give to a program. */
async function grantedTo(program: string): Promise<Set<string>> {
  const roles = await kubectl.getJson<{ items: { metadata: { name: string }; rules: Rule[] }[] }>(
    'roles,clusterroles',
    '--namespace',
    systemNamespace,
    '-l',
    'app.kubernetes.io/instance=fairlead',
  );
  const rules = roles.items
    .filter(({ metadata }) => metadata.name.startsWith(program))
    .flatMap((role) => role.rules);
  return new Set(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      verbs.flatMap((verb) =>
        apiGroups.flatMap((group) => resources.map((resource) => `${verb} ${group}/${resource}`)),
      ),
    ),
  );
}

test.each(programs)('%s never asks for what it has no right to', (program) => {
  const audit = auditOf(program);
  expect(audit.length).toBeGreaterThan(0);
  const decision = 'authorization.k8s.io/decision';
  expect(audit.filter(({ annotations }) => annotations?.[decision] !== 'allow')).toEqual([]);
});

test.each(programs)('%s uses every right it has', async (program) => {
  const used = new Set(auditOf(program).map(rightOf));
  const granted = await grantedTo(program);
  const rare = [
    // When the very same thing happens again, which this test does not cause.
    'patch events.k8s.io/events',
    // While an operator stands by; one that is alone may lead before it has asked.
    'list coordination.k8s.io/leases',
    'watch coordination.k8s.io/leases',
    // Asked for by the API server itself when an apply makes the object; the audit log has the apply.
    'create /services',
    'create policy/poddisruptionbudgets',
    'create networking.k8s.io/networkpolicies',
    // In a cluster that has LeaderWorkerSets.
    'delete leaderworkerset.x-k8s.io/leaderworkersets',
    // When the chart switches the policies off.
    'delete networking.k8s.io/networkpolicies',
  ];
  const unused = [...granted].filter((right) => !used.has(right) && !rare.includes(right));
  expect(granted.size).toBeGreaterThan(0);
  expect(unused).toEqual([]);
});
