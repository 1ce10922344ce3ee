import { eventually } from '../../kube/testing/wait.ts';
import type { ContentMode } from '../../telemetry/content.ts';
import {
  type OtlpReceiver,
  type ReceivedSpan,
  startOtlpReceiver,
} from '../../telemetry/testing/otlp-receiver.ts';
import { startTracing } from '../../telemetry/tracing.ts';
import type { RouterConfig } from '../config.ts';
import { startTestRouter, type TestRouter } from './test-router.ts';

/** A router whose spans arrive at a collector of this process. One for each process: OpenTelemetry is global. */
export interface TracedRouter {
  readonly router: TestRouter;
  readonly collector: OtlpReceiver;
  /** A trace that a client begins: its header, and what of it arrives. */
  newTrace(): ClientTrace;
  stop(): Promise<void>;
}

export interface ClientTrace {
  readonly traceparent: string;
  readonly id: string;
  /** All its spans, parents before children, once the SERVER span is there, which ends last. */
  spans(): Promise<ReceivedSpan[]>;
}

const server = 2;
/** The client's own span. */
export const clientSpanId = '00f067aa0ba902b7';

/** Starts both; everything is sampled. @param env further OTEL_* variables */
export async function startTracedRouter(
  overrides: Partial<RouterConfig> = {},
  { env = {}, content = 'off' }: { env?: Record<string, string>; content?: ContentMode } = {},
): Promise<TracedRouter> {
  const collector = await startOtlpReceiver();
  Object.assign(process.env, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'http/json',
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    ...env,
  });
  const log = { info() {}, warn() {} };
  const tracing = await startTracing('fairlead-router', 'test', log, content);
  const router = await startTestRouter(overrides, tracing);
  let traces = 0;
  return {
    router,
    collector,
    newTrace() {
      const id = `4bf92f3577b34da6a3ce929d0e0e4${String(++traces).padStart(3, '0')}`;
      return {
        id,
        traceparent: `00-${id}-${clientSpanId}-01`,
        async spans() {
          const spans = () => collector.traceOf(id);
          await eventually('the SERVER span is exported', () =>
            spans().some(({ kind }) => kind === server),
          );
          return spans();
        },
      };
    },
    async stop() {
      await router.stop();
      await collector.stop();
    },
  };
}
