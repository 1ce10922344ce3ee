import { ROOT_CONTEXT, TraceFlags, type Tracer, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { ContentMode } from './content.ts';
import { type Profile, profileOf, schemaUrls } from './contract/spans.ts';
import { type Propagation, propagationOf, w3c } from './propagation.ts';
import type { SpanOrigin } from './recorded-span.ts';
import type { Samples } from './sampling.ts';
import type { ExportLog } from './span-queue.ts';

/** Tracing as long as the process runs. */
export interface Tracing {
  readonly enabled: boolean;
  readonly tracer: Tracer;
  /** Of spans that are made without the tracer; undefined: it is sure that none is sampled. */
  readonly origin: SpanOrigin | undefined;
  readonly samples: Samples;
  readonly propagation: Propagation;
  /** Takes a span that was made without the tracer. */
  ended(span: ReadableSpan): void;
  readonly profile: Profile;
  readonly content: ContentMode;
  /** Spans lost since this was last asked. */
  takeLost(): number;
  /** Sends what is left, for at most 3 s; never rejects. */
  shutdown(): Promise<void>;
}

/** Tracing that is off. */
export const untraced: Tracing = {
  enabled: false,
  tracer: trace.getTracer('fairlead'),
  origin: undefined,
  samples: () => false,
  propagation: w3c,
  ended() {},
  profile: 'v1_41',
  content: 'off',
  takeLost: () => 0,
  shutdown: async () => {},
};

/** A provider with a dead collector blocks its shutdown for 10 s; the pod's grace is not for that. */
const shutdownCapMs = 3_000;

/** Values of OTEL_TRACES_EXPORTER that are followed, beside `none`. */
const exporters = ['otlp', 'console'];

/** Whether the standard variables name a place to send spans to. */
export function tracingConfigured(env: NodeJS.ProcessEnv): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  if (env.OTEL_TRACES_EXPORTER) return env.OTEL_TRACES_EXPORTER !== 'none';
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}

/**
 * Sets the standard variables that say nothing to Fairlead's defaults: traces only, a parent-based ratio
 * of 0.1, a queue of 16,384 spans sent each second, 1,024 at once.
 */
export function applyDefaults(env: NodeJS.ProcessEnv, program: string, version: string): void {
  env.OTEL_SERVICE_NAME ||= program;
  // Of the same attribute the last counts; the chart tells pod and namespace by the Downward API.
  const given = env.OTEL_RESOURCE_ATTRIBUTES;
  env.OTEL_RESOURCE_ATTRIBUTES = [`service.version=${version}`, ...(given ? [given] : [])].join();
  env.OTEL_NODE_RESOURCE_DETECTORS ||= 'serviceinstance,host,env';
  env.OTEL_METRICS_EXPORTER ||= 'none';
  env.OTEL_LOGS_EXPORTER ||= 'none';
  env.OTEL_BSP_MAX_QUEUE_SIZE ||= '16384';
  env.OTEL_BSP_MAX_EXPORT_BATCH_SIZE ||= '1024';
  env.OTEL_BSP_SCHEDULE_DELAY ||= '1000';
  if (!env.OTEL_TRACES_SAMPLER) {
    env.OTEL_TRACES_SAMPLER = 'parentbased_traceidratio';
    env.OTEL_TRACES_SAMPLER_ARG ||= '0.1';
  }
}

/**
 * Starts the OpenTelemetry SDK by its standard OTEL_* variables. Without an endpoint nothing is
 * imported: the SDK costs some hundred milliseconds of start-up.
 * @param content where prompts and completions go; an event needs a collector that takes logs too
 */
export async function startTracing(
  program: string,
  version: string,
  log: ExportLog,
  content: ContentMode = 'off',
): Promise<Tracing> {
  const { env } = process;
  if (!tracingConfigured(env)) return untraced;
  if (content === 'event') env.OTEL_LOGS_EXPORTER ||= 'otlp';
  applyDefaults(env, program, version);
  const exporter = env.OTEL_TRACES_EXPORTER;
  if (exporter && !exporters.includes(exporter)) {
    log.warn(
      { exporter },
      'OTEL_TRACES_EXPORTER is neither otlp, console nor none: taken for otlp',
    );
  }
  const [{ NodeSDK }, { createExport }, { SpanQueue }, { createSampling }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('./span-export.ts'),
    import('./span-queue.ts'),
    import('./sampling.ts'),
  ]);
  const queueSize = Number(env.OTEL_BSP_MAX_QUEUE_SIZE);
  const batchSize = Math.min(Number(env.OTEL_BSP_MAX_EXPORT_BATCH_SIZE), queueSize);
  const to = await createExport(env, batchSize);
  const delayMs = Number(env.OTEL_BSP_SCHEDULE_DELAY);
  const queue = new SpanQueue(to, { queueSize, delayMs }, log);
  const sdk = new NodeSDK({ spanProcessors: [queue] });
  sdk.start();
  const profile = profileOf(env);
  const scope = { schemaUrl: schemaUrls[profile] };
  const tracer = trace.getTracerProvider().getTracer('fairlead', version, scope);
  const origin = originOf(tracer);
  await origin?.resource.waitForAsyncAttributes?.();
  return {
    enabled: true,
    tracer,
    origin,
    samples: createSampling(env),
    propagation: propagationOf(env),
    ended: (span) => queue.onEnd(span),
    profile,
    content,
    takeLost: () => queue.takeLost(),
    shutdown: () => capped(sdk.shutdown(), shutdownCapMs),
  };
}

/** What the tracer's spans have in common, by one that every sampler takes but that which takes none. */
function originOf(tracer: Tracer): SpanOrigin | undefined {
  const [traceId, spanId] = ['1'.padStart(32, '0'), '1'.padStart(16, '0')];
  const parent = { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
  const span = tracer.startSpan('origin', {}, trace.setSpanContext(ROOT_CONTEXT, parent));
  if (!span.isRecording()) return undefined;
  const { resource, instrumentationScope } = span as unknown as ReadableSpan;
  return { resource, instrumentationScope };
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
