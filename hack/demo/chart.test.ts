import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { CommandError, runCommand } from '../command.ts';
import { ensureKubeTools } from '../kube-tools.ts';

const chart = join(import.meta.dirname, '../../charts/fairlead');
const needed = ['--set', 'image.repository=local.test/fairlead'];

interface Rendered {
  kind: string;
  metadata: { name: string; namespace?: string };
  rules?: { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] }[];
  spec: {
    template: {
      spec: {
        automountServiceAccountToken: boolean;
        terminationGracePeriodSeconds: number;
        securityContext: object;
        containers: {
          image: string;
          command: string[];
          securityContext: object;
          env: { name: string; value?: string }[];
        }[];
      };
    };
  };
}

let helmPath: string;
beforeAll(async () => {
  ({ helmPath } = await ensureKubeTools());
}, 60_000);

async function render(...args: string[]): Promise<Rendered[]> {
  const all = ['template', 'fairlead', chart, '--namespace', 'fairlead', ...needed, ...args];
  const text = await runCommand(helmPath, all);
  return parseAllDocuments(text).map((document) => document.toJS() as Rendered);
}

/** `kind namespace/name: verb group/resource[name]`, one line a right. */
function rights(objects: readonly Rendered[]): string[] {
  return objects.flatMap(({ kind, metadata, rules = [] }) =>
    rules.flatMap(({ apiGroups, resources, resourceNames, verbs }) =>
      resources.map((resource) => {
        const where = `${kind} ${metadata.namespace ?? '*'}/${metadata.name}`;
        const named = resourceNames === undefined ? '' : `[${resourceNames.join()}]`;
        return `${where}: ${verbs.join()} ${apiGroups.join()}/${resource}${named}`;
      }),
    ),
  );
}

const deployments = (objects: readonly Rendered[]): Rendered[] =>
  objects.filter(({ kind }) => kind === 'Deployment');

test('helm lint finds nothing', async () => {
  const report = await runCommand(helmPath, ['lint', '--strict', chart, ...needed]);
  expect(report).toContain('1 chart(s) linted, 0 chart(s) failed');
});

test('both programs run without root, capabilities or a writable root file system', async () => {
  const programs = deployments(await render());
  expect(programs.map(({ metadata }) => metadata.name)).toEqual([
    'fairlead-operator',
    'fairlead-router',
  ]);
  for (const { spec } of programs) {
    expect(spec.template.spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const container of spec.template.spec.containers) {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  }
});

describe('rights', () => {
  test('are these and no others', async () => {
    expect(rights(await render())).toEqual([
      'ClusterRole */fairlead-operator: list,watch fairlead.dev/modeldeployments',
      'ClusterRole */fairlead-operator: list,watch fairlead.dev/externalmodels',
      'ClusterRole */fairlead-operator: patch fairlead.dev/modeldeployments/status',
      'ClusterRole */fairlead-operator: patch fairlead.dev/externalmodels/status',
      'ClusterRole */fairlead-operator: patch fairlead.dev/modeldeployments/scale',
      'ClusterRole */fairlead-operator: list,watch autoscaling/horizontalpodautoscalers',
      'ClusterRole */fairlead-operator: list,watch,create,patch,delete /pods',
      'ClusterRole */fairlead-operator: list,watch,create,delete apps/controllerrevisions',
      'ClusterRole */fairlead-operator: list,watch,create,patch /services',
      'ClusterRole */fairlead-operator: list,watch,create,patch,delete policy/poddisruptionbudgets',
      'ClusterRole */fairlead-operator: list,watch,create,patch,delete networking.k8s.io/networkpolicies',
      'ClusterRole */fairlead-operator: create resource.k8s.io/resourceclaimtemplates',
      'ClusterRole */fairlead-operator: list,watch,create /persistentvolumeclaims',
      'ClusterRole */fairlead-operator: list,watch,create,patch,delete batch/jobs',
      'ClusterRole */fairlead-operator: create,delete leaderworkerset.x-k8s.io/leaderworkersets',
      'ClusterRole */fairlead-operator: list,create,patch events.k8s.io/events',
      'ClusterRole */fairlead-operator-profiles: list,watch fairlead.dev/acceleratorprofiles',
      'ClusterRole */fairlead-router: list,watch fairlead.dev/modeldeployments',
      'ClusterRole */fairlead-router: list,watch /pods',
      'Role fairlead/fairlead-operator-election: list,watch /pods',
      'Role fairlead/fairlead-operator-election: create coordination.k8s.io/leases',
      'Role fairlead/fairlead-operator-election: get,list,watch,patch coordination.k8s.io/leases[fairlead-operator]',
      'Role fairlead/fairlead-router-keys: list,watch /secrets',
    ]);
  });

  test('to ask who may read the external metrics are given where they are served', async () => {
    const name = 'fairlead-external-metrics';
    const objects = await render('--set', 'externalMetrics.enabled=true');
    expect(rights(objects).filter((right) => right.includes(name))).toEqual([
      `ClusterRole */${name}: create authorization.k8s.io/subjectaccessreviews`,
    ]);
    const made = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(made).toContain('APIService v1beta1.external.metrics.k8s.io');
    expect(made).toContain(`RoleBinding ${name}`);
  });

  test('to Secrets are given in the namespaces of the values alone', async () => {
    const values = ['auth.namespace=keys', 'externalModels.namespaces={a,b}'];
    const all = rights(await render('--set', values.join()));
    expect(all.filter((right) => /secrets|externalmodels$/.test(right))).toEqual([
      'ClusterRole */fairlead-operator: list,watch fairlead.dev/externalmodels',
      ...['a', 'b'].map((name) => `Role ${name}/fairlead-operator-external: list,watch /secrets`),
      'Role keys/fairlead-router-keys: list,watch /secrets',
      ...['a', 'b'].flatMap((name) => [
        `Role ${name}/fairlead-router-external: list,watch fairlead.dev/externalmodels`,
        `Role ${name}/fairlead-router-external: list,watch /secrets`,
      ]),
    ]);
  });

  test('to Secrets are none without keys and ExternalModels', async () => {
    const all = rights(await render('--set', 'auth.enabled=false'));
    expect(all.filter((right) => right.includes('secrets'))).toEqual([]);
  });

  test('over the whole cluster shrink to AcceleratorProfiles when one namespace is watched', async () => {
    const all = rights(await render('--set', 'watchNamespace=team'));
    expect(all.filter((right) => right.startsWith('ClusterRole '))).toEqual([
      'ClusterRole */fairlead-operator-profiles: list,watch fairlead.dev/acceleratorprofiles',
    ]);
    expect(all).toContain('Role team/fairlead-router: list,watch /pods');
  });
});

test('model pods are reached by Fairlead’s own pods and those that the user names, unless it is switched off', async () => {
  const peersOf = async (...args: string[]) => {
    const operator = deployments(await render(...args)).find(
      ({ metadata }) => metadata.name === 'fairlead-operator',
    );
    const env = operator?.spec.template.spec.containers[0]?.env ?? [];
    return env.find(({ name }) => name === 'FAIRLEAD_PEERS')?.value;
  };
  const own = {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'fairlead' } },
    podSelector: {
      matchLabels: {
        'app.kubernetes.io/instance': 'fairlead',
        'app.kubernetes.io/name': 'fairlead',
      },
    },
  };
  expect(JSON.parse((await peersOf()) ?? '')).toEqual([own]);
  const added = 'networkPolicy.from[0].podSelector.matchLabels.app=prometheus';
  expect(JSON.parse((await peersOf('--set', added)) ?? '')).toEqual([
    own,
    { podSelector: { matchLabels: { app: 'prometheus' } } },
  ]);
  expect(await peersOf('--set', 'networkPolicy.enabled=false')).toBeUndefined();
});

test('the router’s grace period covers its whole drain', async () => {
  const objects = await render('--set', 'router.drainTimeoutSeconds=60');
  const router = deployments(objects).find(({ metadata }) => metadata.name === 'fairlead-router');
  const pod = router?.spec.template.spec;
  const env = Object.fromEntries(pod?.containers[0]?.env.map((e) => [e.name, e.value]) ?? []);
  expect(env).toMatchObject({ FAIRLEAD_LAME_DUCK_MS: '5000', FAIRLEAD_DRAIN_TIMEOUT_MS: '60000' });
  expect(pod?.terminationGracePeriodSeconds).toBeGreaterThan(65);
});

test('a variable the user gives replaces the chart’s own of that name', async () => {
  const given = 'router.env[0].name=OTEL_RESOURCE_ATTRIBUTES,router.env[0].value=team=a';
  const objects = await render('--set', given);
  const names = deployments(objects).flatMap(({ spec }) =>
    spec.template.spec.containers.map(({ env }) => env.map(({ name }) => name)),
  );
  for (const list of names) expect(new Set(list).size).toBe(list.length);
});

test.each([
  ['auth.enabled=false', 'off', 'fairlead'],
  ['auth.namespace=keys', 'optional', 'keys'],
  ['auth.required=true', 'required', 'fairlead'],
])('with %s keys are %s', async (values, mode, namespace) => {
  const router = deployments(await render('--set', values)).at(-1);
  const env = router?.spec.template.spec.containers[0]?.env;
  expect(env).toContainEqual({ name: 'FAIRLEAD_AUTH', value: mode });
  expect(env).toContainEqual({ name: 'FAIRLEAD_AUTH_NAMESPACE', value: namespace });
});

test('the operator is told the base URL that the router’s Service has', async () => {
  const [operator] = deployments(await render('--set', 'router.service.port=8000'));
  expect(operator?.spec.template.spec.containers[0]?.env).toContainEqual({
    name: 'FAIRLEAD_ROUTER_URL',
    value: 'http://fairlead-router.fairlead.svc:8000/v1',
  });
});

test.each([
  ['a misspelled value', ['--set', 'image.repsitory=x'], 'repsitory'],
  [
    'a required key that nobody reads',
    ['--set', 'auth.enabled=false,auth.required=true'],
    'auth.required needs auth.enabled',
  ],
  ['no image', ['--set', 'image.repository='], 'image.repository is empty'],
])('%s is refused by name', async (_what, args, named) => {
  const refused = render(...args);
  await expect(refused).rejects.toThrow(CommandError);
  await expect(refused).rejects.toThrow(named);
});
