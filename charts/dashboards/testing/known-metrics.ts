import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { createKubeMetrics } from '../../../kube/metrics.ts';
import { commonMetrics } from '../../../telemetry/contract/common-metrics.ts';
import type { MetricDefinition } from '../../../telemetry/contract/metric.ts';
import { operatorMetrics } from '../../../telemetry/contract/operator-metrics.ts';
import { routerMetrics } from '../../../telemetry/contract/router-metrics.ts';
import { createRegistry } from '../../../telemetry/metrics.ts';

/** Which labels each sample name has. */
export type KnownMetrics = ReadonlyMap<string, ReadonlySet<string>>;

/** What prometheus-operator and the relabellings of the chart's monitors put on every series. */
const ofTargets = ['job', 'instance', 'namespace', 'pod', 'container', 'endpoint', 'service'];
const ofEngines = [...ofTargets, 'gen_ai_request_model', 'revision'];
const fixtures = { 'llama-server': ofEngines, vllm: ofEngines, dcgm: ofTargets };

/** All that a dashboard or an alert may name: the contract, the runtime's metrics, engines', DCGM's. */
export async function knownMetrics(): Promise<KnownMetrics> {
  const known = new Map<string, Set<string>>([['up', new Set(ofEngines)]]);
  const add = (name: string, labels: Iterable<string>) => {
    known.set(name, new Set([...(known.get(name) ?? []), ...labels]));
  };
  for (const { name, type, labels } of await definitions()) {
    const samples = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    for (const suffix of samples) {
      const le = suffix === '_bucket' ? ['le'] : [];
      add(`${name}${suffix}`, [...labels, ...le, ...ofTargets]);
    }
  }
  for (const [name, labels] of Object.entries(fixtures)) {
    const path = join(import.meta.dirname, `../fixtures/${name}.prom`);
    for (const sample of samplesOf(await readFile(path, 'utf8')))
      add(sample.name, [...sample.labels, ...labels]);
  }
  return known;
}

interface Shape {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

async function definitions(): Promise<Shape[]> {
  const contract: MetricDefinition[] = [routerMetrics, operatorMetrics, commonMetrics].flatMap(
    (all) => Object.values(all),
  );
  const kube = new Registry();
  createKubeMetrics(kube);
  // Of the process: none has labels that a query of ours needs.
  const ofProcess = await createRegistry('test', '0').getMetricsAsJSON();
  return [
    ...contract,
    ...ofProcess.map(({ name, type }) => ({ name, type: String(type), labels: [] })),
    ...kube.getMetricsAsArray().map((metric) => ({
      name: metric.name,
      type: String(metric.type),
      labels: (metric as unknown as { labelNames: string[] }).labelNames,
    })),
  ];
}

/** Each sample of an exposition with its label names. */
function samplesOf(exposition: string): { name: string; labels: string[] }[] {
  return exposition.split('\n').flatMap((line) => {
    const [, name, labels = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? /.exec(line) ?? [];
    if (name === undefined) return [];
    return [{ name, labels: [...labels.matchAll(/(\w+)="/g)].map(([, label]) => String(label)) }];
  });
}
