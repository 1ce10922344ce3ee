import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ensurePrometheus } from '../../hack/prometheus.ts';
import { startProgram } from './program.ts';

const rulesPath = join(import.meta.dirname, '../../charts/fairlead/observability/alerts.yaml');

/** One series of an instant query. */
export interface Sample {
  metric: Record<string, string>;
  value: [number, string];
}

export interface Alert {
  labels: Record<string, string>;
  state: 'pending' | 'firing';
}

/** A real Prometheus with the chart's alerts. */
export interface PrometheusProcess {
  /** An instant query; throws with Prometheus' words when it is refused. */
  query(expression: string): Promise<Sample[]>;
  /** Exemplars of the last hour. */
  exemplars(selector: string): Promise<{ labels: Record<string, string> }[]>;
  /** Alerts that wait for their `for`, or fire. */
  alerts(): Promise<Alert[]>;
  stop(): Promise<void>;
}

/** Where a Prometheus runs and listens. */
export interface PrometheusPlace {
  port: number;
  /** Where the test reaches it. */
  host: string;
  /** A process in whose network it runs; absent: the machine's. */
  networkPid?: number;
}

/**
 * Starts Prometheus, which scrapes and judges its rules each second, and waits until it is ready.
 * @throws Error with its last lines when it ends
 */
export async function startPrometheus(
  scrapeConfigs: readonly object[],
  { port, host, networkPid }: PrometheusPlace,
): Promise<PrometheusProcess> {
  const { prometheusPath } = await ensurePrometheus();
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [rulesPath],
    scrape_configs: scrapeConfigs,
  };
  const enter = networkPid ? ['nsenter', '--target', `${networkPid}`, '--net', '--'] : [];
  const origin = `http://${host}:${port}`;
  const { stop } = await startProgram(
    'prometheus',
    async (folder) => {
      await writeFile(join(folder, 'prometheus.yml'), stringify(config));
      return [
        ...[...enter, prometheusPath],
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${networkPid ? '0.0.0.0' : '127.0.0.1'}:${port}`,
        '--enable-feature=exemplar-storage',
      ];
    },
    async () => (await fetch(`${origin}/-/ready`)).ok,
  );
  const get = async <T>(path: string, query: Record<string, string> = {}): Promise<T> => {
    const response = await fetch(`${origin}/api/v1/${path}?${new URLSearchParams(query)}`);
    const body = (await response.json()) as { data?: T; error?: string };
    if (body.data === undefined) throw new Error(`${JSON.stringify(query)}: ${body.error}`);
    return body.data;
  };
  return {
    query: async (expression) =>
      (await get<{ result: Sample[] }>('query', { query: expression })).result,
    exemplars: async (selector) => {
      const end = Date.now() / 1000 + 60;
      const range = { query: selector, start: `${end - 3_600}`, end: `${end}` };
      const found = await get<{ exemplars: { labels: Record<string, string> }[] }[]>(
        'query_exemplars',
        range,
      );
      return found.flatMap(({ exemplars }) => exemplars);
    },
    alerts: async () => (await get<{ alerts: Alert[] }>('alerts')).alerts,
    stop,
  };
}
