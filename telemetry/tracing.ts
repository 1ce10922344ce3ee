import { type Tracer, trace } from '@opentelemetry/api';
import { profileOf, schemaUrls } from './contract/spans.ts';

/** Tracing as long as the process runs. */
export interface Tracing {
  readonly enabled: boolean;
  readonly tracer: Tracer;
  /** Sends what is left, for at most 3 s; never rejects. */
  shutdown(): Promise<void>;
}

/** A provider with a dead collector blocks its shutdown for 10 s; the pod's grace is not for that. */
const shutdownCapMs = 3_000;

/** Whether the standard variables name a place to send spans to. */
export function tracingConfigured(env: NodeJS.ProcessEnv): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  if (env.OTEL_TRACES_EXPORTER) return env.OTEL_TRACES_EXPORTER !== 'none';
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}

/**
 * Starts the OpenTelemetry SDK by its standard OTEL_* variables, with Fairlead's defaults where they
 * say nothing: a parent-based ratio of 0.1, a queue of 16,384 spans sent each second, traces only.
 * Without an endpoint nothing is imported: the SDK costs some hundred milliseconds of start-up.
 */
export async function startTracing(program: string, version: string): Promise<Tracing> {
  const { env } = process;
  if (!tracingConfigured(env)) {
    return { enabled: false, tracer: tracerOf(version), shutdown: async () => {} };
  }
  env.OTEL_SERVICE_NAME ||= program;
  env.OTEL_METRICS_EXPORTER ||= 'none';
  env.OTEL_LOGS_EXPORTER ||= 'none';
  env.OTEL_BSP_MAX_QUEUE_SIZE ||= '16384';
  env.OTEL_BSP_SCHEDULE_DELAY ||= '1000';
  if (!env.OTEL_TRACES_SAMPLER) {
    env.OTEL_TRACES_SAMPLER = 'parentbased_traceidratio';
    env.OTEL_TRACES_SAMPLER_ARG ||= '0.1';
  }
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK();
  sdk.start();
  return {
    enabled: true,
    tracer: tracerOf(version),
    shutdown: () => capped(sdk.shutdown(), shutdownCapMs),
  };
}

function tracerOf(version: string): Tracer {
  const schemaUrl = schemaUrls[profileOf(process.env)];
  return trace.getTracerProvider().getTracer('fairlead', version, { schemaUrl });
}

/** Resolves with `work`, whether that succeeds or not, and after `capMs` at the latest. */
export async function capped(work: Promise<unknown>, capMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const cap = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, capMs);
  });
  await Promise.race([work.catch(() => {}), cap]);
  clearTimeout(timer);
}
