import { Registry } from 'prom-client';
import type { MetricsRegistry } from './metrics.ts';

/** An answer to a scrape. */
export interface Exposition {
  contentType: string;
  body: string;
}

/** What stands behind an endpoint of metrics. */
export interface Scraped {
  registry: MetricsRegistry;
  /** Sets what is only known by looking. */
  beforeScrape(): void;
  log: { error(fields: object, message: string): void };
}

/** Answers a scrape. Where what is to be set before throws, the log says so and all else is shown. */
export function scrape(
  { registry, beforeScrape, log }: Scraped,
  accept?: string,
): Promise<Exposition> {
  try {
    beforeScrape();
  } catch (err) {
    log.error({ err }, 'not all metrics could be brought up to date');
  }
  return expose(registry, accept);
}

/**
 * Renders a registry in OpenMetrics, exemplars included, when the scraper accepts that, else in the
 * Prometheus text format.
 * @param registry one of `createRegistry`
 * @param accept the scrape's Accept header
 */
export async function expose(registry: MetricsRegistry, accept = ''): Promise<Exposition> {
  const openMetrics = await registry.metrics();
  return accept.includes('application/openmetrics-text')
    ? { contentType: Registry.OPENMETRICS_CONTENT_TYPE, body: openMetrics }
    : { contentType: Registry.PROMETHEUS_CONTENT_TYPE, body: toPrometheusText(openMetrics) };
}

/** Name, labels whose values may hold anything, number; an exemplar would follow. */
const sample = /^[^{\s]+(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})? \S+/;

/**
 * OpenMetrics 1.0 text as Prometheus text 0.0.4: a counter's family carries its `_total`, there are no
 * exemplars and no end mark. (prom-client keeps exemplars only in OpenMetrics registries and renames
 * counters for good when it writes one, so it cannot write both forms itself.)
 */
export function toPrometheusText(openMetrics: string): string {
  const lines: string[] = [];
  for (const line of openMetrics.split('\n')) {
    if (line === '# EOF') continue;
    if (line.startsWith('# TYPE ') && line.endsWith(' counter')) {
      const family = line.slice('# TYPE '.length, -' counter'.length);
      const help = lines.pop() ?? '';
      lines.push(help.replace(`# HELP ${family} `, `# HELP ${family}_total `));
      lines.push(`# TYPE ${family}_total counter`);
    } else {
      lines.push(line.startsWith('#') ? line : (sample.exec(line)?.[0] ?? line));
    }
  }
  return lines.join('\n');
}
