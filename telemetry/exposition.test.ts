import { Counter, Histogram } from 'prom-client';
import { expect, test } from 'vitest';
import { expose, scrape, toPrometheusText } from './exposition.ts';
import { createRegistry } from './metrics.ts';

function scene() {
  const registry = createRegistry('test', '1.2.3');
  const registers = [registry];
  const counter = new Counter({
    name: 'things_total',
    help: 'Things of all kinds',
    labelNames: ['kind'],
    registers,
  });
  const histogram = new Histogram({
    name: 'wait_seconds',
    help: 'Waits',
    labelNames: ['kind'],
    buckets: [1],
    enableExemplars: true,
    registers,
  });
  counter.inc({ kind: 'a "b" \\ # {x="y"} 1 2' }, 3);
  histogram.observe({
    labels: { kind: 'a} 1 # {' },
    value: 0.5,
    // prom-client's types take an exemplar's labels for the metric's own.
    exemplarLabels: { trace_id: 'abc' } as Record<string, string>,
  });
  return registry;
}

test('Prometheus’ text has full counter names and no exemplars, also after an OpenMetrics scrape', async () => {
  const registry = scene();
  for (let scrape = 0; scrape < 2; scrape++) {
    const { contentType, body } = await expose(registry, 'text/plain');
    expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(body).toContain(
      [
        '# HELP things_total Things of all kinds',
        '# TYPE things_total counter',
        'things_total{kind="a \\"b\\" \\\\ # {x=\\"y\\"} 1 2"} 3',
      ].join('\n'),
    );
    expect(body).toContain('wait_seconds_bucket{le="1",kind="a} 1 # {"} 1\n');
    expect(body).not.toMatch(/trace_id|EOF/);
    await expose(registry, 'application/openmetrics-text');
  }
});

test('OpenMetrics has exemplars and an end', async () => {
  const { contentType, body } = await expose(
    scene(),
    'application/openmetrics-text;version=1.0.0,text/plain;q=0.5',
  );
  expect(contentType).toMatch(/^application\/openmetrics-text; version=1\.0\.0/);
  expect(body).toMatch(
    /wait_seconds_bucket\{le="1",kind="a\} 1 # \{"\} 1 # \{trace_id="abc"\} 0\.5 /,
  );
  expect(body).toContain('# TYPE things counter');
  expect(body).toMatch(/# EOF\n$/);
});

test('what a program is made of is always 1', async () => {
  const { body } = await expose(createRegistry('router', '1.2.3'));
  expect(body).toMatch(
    /fairlead_build_info\{program="router",version="1.2.3",node_version="v\d+.*"\} 1\n/,
  );
  expect(body).toMatch(/\nnodejs_eventloop_lag_seconds /);
  expect(body).toMatch(/\nprocess_resident_memory_bytes \d+\n/);
  expect(body).not.toMatch(/_total gauge/);
});

test('text without labels and exemplars stays as it is', () => {
  expect(toPrometheusText('# HELP a A\n# TYPE a gauge\na 1\n# EOF\n')).toBe(
    '# HELP a A\n# TYPE a gauge\na 1\n',
  );
});

test('metrics are shown also when some cannot be brought up to date, and the log says so', async () => {
  const broken = new Error('no such model');
  const logged: unknown[] = [];
  const { body } = await scrape({
    registry: scene(),
    beforeScrape: () => {
      throw broken;
    },
    log: { error: (fields) => void logged.push(fields) },
  });
  expect(body).toContain('# TYPE things_total counter');
  expect(logged).toEqual([{ err: broken }]);
});
