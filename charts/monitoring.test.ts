import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { engineLabel, servedNameAnnotation } from '../crds/labels.ts';
import { dashboardFiles } from './dashboards/generate.ts';
import { renderChart } from './testing/render.ts';

interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: { severity: string };
  annotations: Record<string, string>;
}
interface Rendered {
  kind: string;
  metadata: { name: string; labels: Record<string, string> };
  data?: Record<string, string>;
  spec: {
    groups: { rules: Rule[] }[];
    selector: { matchExpressions: { key: string }[] };
    namespaceSelector: object;
    podMetricsEndpoints: { relabelings: { sourceLabels?: string[]; targetLabel?: string }[] }[];
    endpoints: { honorLabels: boolean; interval?: string }[];
  };
}

const runbooks = join(import.meta.dirname, '../docs/runbooks');
const kinds = ['PrometheusRule', 'ServiceMonitor', 'PodMonitor'];

async function render(monitoring: object, more: object = {}): Promise<Rendered[]> {
  return renderChart<Rendered>({ monitoring, ...more });
}

async function renderRules(alerts: object): Promise<Rule[]> {
  const all = await render({ alerts: { enabled: true, ...alerts } });
  return all.flatMap(({ kind, spec }) =>
    kind === 'PrometheusRule' ? spec.groups.flatMap(({ rules }) => rules) : [],
  );
}

test('nothing of it is there unless it is switched on, each for itself', async () => {
  const monitored = (objects: Rendered[]) =>
    objects
      .filter(({ kind, data }) => kinds.includes(kind) || data !== undefined)
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(monitored(await render({}))).toEqual([]);
  const on = { enabled: true };
  expect(monitored(await render({ alerts: on }))).toEqual(['PrometheusRule fairlead']);
  expect(monitored(await render({ serviceMonitor: on }))).toEqual(['ServiceMonitor fairlead']);
  expect(monitored(await render({ podMonitor: on }))).toEqual(['PodMonitor fairlead-engines']);
  expect(monitored(await render({ dashboards: on }))).toEqual(
    ['model-detail', 'scaling', 'serving-overview'].map((n) => `ConfigMap fairlead-dashboard-${n}`),
  );
});

test('every alert of the file is in the rule, with expression, time, severity and a runbook that is there', async () => {
  const file = parse(
    await readFile(join(import.meta.dirname, 'fairlead/observability/alerts.yaml'), 'utf8'),
  ) as { groups: { rules: Rule[] }[] };
  const rules = await renderRules({ runbooksUrl: 'https://docs.example/runbooks/' });
  const facts = (rule: Rule) => [rule.alert, rule.expr, rule.for, rule.labels];
  expect(rules.map(facts)).toEqual(file.groups.flatMap((group) => group.rules).map(facts));
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { alert, annotations, labels, ...rule } of rules) {
    expect(rule.for).toMatch(/^\d+m$/);
    expect(['critical', 'warning']).toContain(labels.severity);
    expect(annotations.summary).toBeTruthy();
    expect(annotations.runbook_url).toBe(`https://docs.example/runbooks/${alert}.md`);
    const page = await readFile(join(runbooks, `${alert}.md`), 'utf8');
    expect(page).toMatch(
      new RegExp(`^# ${alert}\n\n[^#]+## Look at\n\n[^#]+## What to do\n\n[^]+\n$`),
    );
  }
});

test('an alert can be left out by its name, and by no other', async () => {
  const names = (await renderRules({ disabled: ['FairleadTTFTHigh'] })).map(({ alert }) => alert);
  expect(names).toContain('FairleadTPOTHigh');
  expect(names).not.toContain('FairleadTTFTHigh');
  await expect(renderRules({ disabled: ['FairleadTftHigh'] })).rejects.toThrow(
    'there is no alert FairleadTftHigh',
  );
});

test('dashboards reach Grafana’s sidecar as they were generated', async () => {
  const objects = await render({ dashboards: { enabled: true, annotations: { folder: 'a' } } });
  const maps = objects.filter(({ data }) => data !== undefined);
  for (const { metadata } of maps)
    expect(metadata.labels).toMatchObject({ grafana_dashboard: '1' });
  const data = Object.assign({}, ...maps.map((map) => map.data)) as Record<string, string>;
  expect(data).toEqual(
    Object.fromEntries(
      dashboardFiles().map(({ path, content }) => [`fairlead-${basename(path)}`, content]),
    ),
  );
});

test('engines’ series get model, namespace and revision from what the operator writes on pods', async () => {
  const enabled = { podMonitor: { enabled: true } };
  const monitorOf = async (values: object) =>
    (await render(enabled, values)).find(({ kind }) => kind === 'PodMonitor')?.spec;
  const spec = await monitorOf({});
  expect(spec?.namespaceSelector).toEqual({ any: true });
  expect(spec?.selector.matchExpressions).toEqual([
    { key: engineLabel, operator: 'In', values: ['LlamaCpp', 'SGLang', 'TGI', 'vLLM'] },
  ]);
  const relabelings = spec?.podMetricsEndpoints[0]?.relabelings;
  const meta = servedNameAnnotation.replaceAll(/[^a-z]/g, '_');
  expect(relabelings).toContainEqual({
    sourceLabels: [`__meta_kubernetes_pod_annotation_${meta}`],
    targetLabel: 'gen_ai_request_model',
  });
  expect(relabelings?.map(({ targetLabel }) => targetLabel)).toContain('revision');
  expect((await monitorOf({ watchNamespace: 'team' }))?.namespaceSelector).toEqual({
    matchNames: ['team'],
  });
});

test('router and operator are scraped with their own labels, as often as asked', async () => {
  const objects = await render({
    serviceMonitor: { enabled: true, interval: '15s', labels: { release: 'monitoring' } },
  });
  const monitor = objects.find(({ kind }) => kind === 'ServiceMonitor');
  expect(monitor?.metadata.labels).toMatchObject({ release: 'monitoring' });
  expect(monitor?.spec.endpoints).toMatchObject([{ honorLabels: true, interval: '15s' }]);
});
