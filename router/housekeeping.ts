import type { RouterMetrics } from '../telemetry/metrics.ts';
import { startModel } from '../telemetry/zero-series.ts';
import type { KvCapacities } from './balance/kv-capacity.ts';
import type { RevisionAnswers } from './canary/answers.ts';
import type { Catalog, Model } from './catalog/model.ts';
import type { DemandLedger } from './demand/ledger.ts';
import type { Ejections } from './ejection/ejections.ts';
import type { KvEvents } from './kv-events/kv-events.ts';
import { modelEndpoints } from './openai/endpoints.ts';
import { offers } from './openai/resolve.ts';
import type { RetryBudgets } from './relay/retry-budget.ts';
import type { Upstreams } from './relay/upstreams.ts';

/** Changes of the catalog within this time are tidied up after together. */
const delayMs = 100;

/** What keeps something for each model or replica. */
export interface Kept {
  catalog: { current(): Catalog };
  upstreams: Upstreams;
  kvEvents: KvEvents;
  capacities: KvCapacities;
  ejections: Ejections;
  budgets: RetryBudgets;
  ledger: DemandLedger;
  answers: RevisionAnswers;
  metrics: RouterMetrics;
}

/**
 * Forgets what is kept of models and replicas that have gone, and begins with those that are new: no request
 * waits for it, so it comes after those that waited for the change.
 */
export class Housekeeping {
  readonly #kept: Kept;
  /** Models whose counters are there. */
  readonly #counted = new WeakSet<Model>();
  #soon: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(kept: Kept) {
    this.#kept = kept;
  }

  /** The catalog has changed. */
  changed(): void {
    if (!this.#isStopped) this.#soon ??= setTimeout(() => this.#tidy(), delayMs);
  }

  /** Tidies up no more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#soon);
  }

  #tidy(): void {
    this.#soon = undefined;
    const { upstreams, kvEvents, capacities, ejections, budgets, ledger, answers } = this.#kept;
    const catalog = this.#kept.catalog.current();
    const { models } = catalog;
    const replicas = models.flatMap((model) => model.replicas);
    upstreams.retain(replicas);
    ejections.retain(replicas);
    const byPrefix = models.filter(({ routing }) => routing.policy === 'PrefixAware');
    kvEvents.retain(byPrefix.flatMap((model) => model.replicas));
    const telling = models.filter(({ tellsMemory }) => tellsMemory);
    capacities.retain(telling.flatMap((model) => model.replicas));
    budgets.retain(models);
    ledger.retain(catalog);
    answers.retain(catalog);
    for (const model of models) this.#count(model);
  }

  /** Makes the counters of a model start at zero. */
  #count(model: Model): void {
    if (this.#counted.has(model)) return;
    this.#counted.add(model);
    const { servedName, features } = model;
    const offered = modelEndpoints.filter((endpoint) => offers(features, endpoint));
    const operations = new Set(offered.map(({ operation }) => operation));
    startModel(this.#kept.metrics, servedName, [...operations]);
  }
}
