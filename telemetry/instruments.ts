import type { MetricDefinition } from './contract/metric.ts';

/**
 * Counters, gauges and histograms that a prom-client Registry renders. prom-client's own classes hash
 * their labels at every update and take about 12 µs a request, more than twice of what all metrics
 * may cost (bench/telemetry); these find a series by one string.
 */

/** Values of an instrument's labels. Absent and empty are the same, as in Prometheus. */
export type Labels<L extends string> = { readonly [K in L]?: string | undefined };

/** What leads from a metric's value to one request. */
export interface Exemplar {
  readonly traceId: string;
  readonly spanId: string;
}

/** One line of an exposition, as prom-client's Registry reads it. */
interface Sample {
  labels: Readonly<Record<string, string | number>>;
  sharedLabels?: Readonly<Record<string, string>>;
  value: number;
  metricName?: string;
  exemplar?: { labelSet: Record<string, string>; value: number; timestamp: number } | undefined;
}

/** What is common to all: the series by their labels, and what the registry asks for. */
abstract class Instrument<L extends string, S> {
  /** The registry takes `_total` off when it writes OpenMetrics, and adds it to each line. */
  name: string;
  readonly help: string;
  readonly type: MetricDefinition['type'];
  readonly #labels: readonly L[];
  readonly #create: () => S;
  readonly #series = new Map<string, { labels: Record<string, string>; state: S }>();

  constructor(definition: MetricDefinition, create: () => S) {
    this.name = definition.name;
    this.help = definition.help;
    this.type = definition.type;
    this.#labels = definition.labels as readonly string[] as readonly L[];
    this.#create = create;
    if (this.#labels.length === 0) this.series({});
  }

  protected abstract samples(labels: Record<string, string>, state: S): Sample[];

  /** The series of these labels; who keeps it saves the search. It ends with `reset` and `retain`. */
  series(labels: Labels<L>): S {
    let key = '';
    for (const label of this.#labels) key += `${labels[label] ?? ''}\n`;
    const known = this.#series.get(key);
    if (known) return known.state;
    const given: Record<string, string> = {};
    for (const label of this.#labels) {
      const value = labels[label];
      if (value) given[label] = value;
    }
    const state = this.#create();
    this.#series.set(key, { labels: given, state });
    return state;
  }

  /** Forgets every series. */
  reset(): void {
    this.#series.clear();
  }

  /** Forgets the series that `keep` says no to. */
  retain(keep: (labels: Labels<L>) => boolean): void {
    for (const [key, { labels }] of this.#series) {
      if (!keep(labels as Labels<L>)) this.#series.delete(key);
    }
  }

  /** For the registry. */
  async get() {
    const { name, help, type } = this;
    const values = [...this.#series.values()].flatMap(({ labels, state }) =>
      this.samples(labels, state),
    );
    return { name, help, type, values, aggregator: 'sum' };
  }
}

/** One number. */
export class CounterSeries {
  value = 0;

  inc(by: number): void {
    this.value += by;
  }
}

/** Only ever grows. */
export class Counter<L extends string> extends Instrument<L, CounterSeries> {
  constructor(definition: MetricDefinition) {
    super(definition, () => new CounterSeries());
  }

  protected override samples(labels: Record<string, string>, { value }: CounterSeries): Sample[] {
    return [{ labels, value }];
  }

  /** @param by 0: the series is shown from now on */
  inc(labels: Labels<L>, by = 1): void {
    this.series(labels).inc(by);
  }
}

/** Goes up and down. */
export class Gauge<L extends string> extends Counter<L> {
  set(labels: Labels<L>, value: number): void {
    this.series(labels).value = value;
  }

  dec(labels: Labels<L>, by = 1): void {
    this.series(labels).inc(-by);
  }
}

/** One distribution. */
export class HistogramSeries {
  readonly #bounds: Float64Array;
  /** By bucket, not cumulative; the last one is that without a bound. */
  readonly counts: Float64Array;
  readonly exemplars: Sample['exemplar'][];
  sum = 0;

  constructor(bounds: Float64Array) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
    this.exemplars = new Array(bounds.length + 1).fill(undefined);
  }

  observe(value: number, exemplar?: Exemplar): void {
    const bounds = this.#bounds;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] ?? 0)) at++;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sum += value;
    if (!exemplar) return;
    const labelSet = { trace_id: exemplar.traceId, span_id: exemplar.spanId };
    this.exemplars[at] = { labelSet, value, timestamp: Date.now() / 1000 };
  }
}

/** How values are distributed over buckets. */
export class Histogram<L extends string> extends Instrument<L, HistogramSeries> {
  readonly #bounds: Float64Array;

  constructor(definition: MetricDefinition) {
    const bounds = Float64Array.from(definition.buckets ?? []);
    super(definition, () => new HistogramSeries(bounds));
    this.#bounds = bounds;
  }

  observe(labels: Labels<L>, value: number, exemplar?: Exemplar): void {
    this.series(labels).observe(value, exemplar);
  }

  protected override samples(
    sharedLabels: Record<string, string>,
    state: HistogramSeries,
  ): Sample[] {
    let count = 0;
    const samples = [...state.counts].map((inBucket, at): Sample => {
      count += inBucket;
      return {
        labels: { le: this.#bounds[at] ?? '+Inf' },
        sharedLabels,
        value: count,
        metricName: `${this.name}_bucket`,
        exemplar: state.exemplars[at],
      };
    });
    const [sum, total] = [`${this.name}_sum`, `${this.name}_count`];
    return [
      ...samples,
      { labels: {}, sharedLabels, value: state.sum, metricName: sum },
      { labels: {}, sharedLabels, value: count, metricName: total },
    ];
  }
}
