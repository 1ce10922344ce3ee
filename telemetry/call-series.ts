import type { Operation, TokenType } from './contract/values.ts';
import { providerName } from './contract/values.ts';
import type { CounterSeries, HistogramSeries } from './instruments.ts';
import type { RouterMetrics } from './metrics.ts';
import type { RequestSummary } from './request-telemetry.ts';

/** The series of one model and operation, found once: looking for them is most of what an update costs. */
export class CallSeries {
  readonly #metrics: RouterMetrics;
  readonly #labels: {
    readonly gen_ai_operation_name: Operation;
    readonly gen_ai_provider_name: string;
    readonly gen_ai_request_model: string;
  };
  readonly #inFlight: CounterSeries;
  #good: CounterSeries | undefined;
  #duration: HistogramSeries | undefined;
  #ttft: HistogramSeries | undefined;
  #perToken: HistogramSeries | undefined;
  readonly #usage = new Map<'input' | 'output', HistogramSeries>();
  readonly #tokens = new Map<string, CounterSeries>();

  constructor(metrics: RouterMetrics, operation: Operation, model: string) {
    this.#metrics = metrics;
    this.#labels = {
      gen_ai_operation_name: operation,
      gen_ai_provider_name: providerName,
      gen_ai_request_model: model,
    };
    this.#inFlight = metrics.requestsInFlight.series({ gen_ai_request_model: model });
  }

  begun(): void {
    this.#inFlight.inc(1);
  }

  /** Counts a call that is over. */
  over(summary: RequestSummary): void {
    this.#inFlight.inc(-1);
    this.#countEnd(summary);
    if (summary.attempts === 0) return;
    this.#metrics.routerOverhead.observe({}, summary.overheadMs / 1000);
    if (summary.ttftMs !== undefined) {
      this.#ttft ??= this.#metrics.timeToFirstToken.series(this.#labels);
      this.#ttft.observe(summary.ttftMs / 1000, exemplarOf(summary));
    }
    this.#countTokens(summary);
  }

  #countEnd(summary: RequestSummary): void {
    const { outcome, errorType, end } = summary;
    const { gen_ai_request_model, gen_ai_operation_name } = this.#labels;
    const { requests, requestDuration } = this.#metrics;
    const ended = () =>
      requests.series({
        ...{ gen_ai_request_model, gen_ai_operation_name },
        ...{ code: String(end.status), outcome },
      });
    const seconds = summary.durationMs / 1000;
    if (end.status === 200 && outcome === 'ok') {
      this.#good ??= ended();
      this.#good.inc(1);
      this.#duration ??= requestDuration.series(this.#labels);
      this.#duration.observe(seconds, exemplarOf(summary));
      return;
    }
    ended().inc(1);
    const labels = { ...this.#labels, error_type: errorType };
    requestDuration.observe(labels, seconds, exemplarOf(summary));
  }

  #countTokens({ facts, call, answerMs, tenant }: RequestSummary): void {
    if (!facts) return;
    const { inputTokens, outputTokens, cachedTokens, reasoningTokens } = facts;
    this.#countUsage('input', inputTokens, tenant);
    this.#countUsage('output', outputTokens, tenant);
    if (cachedTokens) this.#tokensOf('cached_input', tenant).inc(cachedTokens);
    if (reasoningTokens) this.#tokensOf('reasoning', tenant).inc(reasoningTokens);
    if (!call?.stream || answerMs === undefined) return;
    if (outputTokens === undefined || outputTokens < 2) return;
    this.#perToken ??= this.#metrics.timePerOutputToken.series(this.#labels);
    this.#perToken.observe(answerMs / 1000 / (outputTokens - 1));
  }

  #countUsage(type: 'input' | 'output', tokens: number | undefined, tenant?: string): void {
    if (tokens === undefined) return;
    this.#tokensOf(type, tenant).inc(tokens);
    let usage = this.#usage.get(type);
    if (!usage) {
      usage = this.#metrics.tokenUsage.series({ ...this.#labels, gen_ai_token_type: type });
      this.#usage.set(type, usage);
    }
    usage.observe(tokens);
  }

  #tokensOf(type: TokenType, tenant: string | undefined): CounterSeries {
    const key = tenant === undefined ? type : `${type} ${tenant}`;
    let tokens = this.#tokens.get(key);
    if (!tokens) {
      const { gen_ai_request_model } = this.#labels;
      tokens = this.#metrics.tokens.series({ gen_ai_request_model, tenant, type });
      this.#tokens.set(key, tokens);
    }
    return tokens;
  }
}

function exemplarOf({ ids }: RequestSummary) {
  return ids?.sampled ? ids : undefined;
}
