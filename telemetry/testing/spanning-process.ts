/**
 * A program that traces: makes spans that nothing has sent yet, says `ready`, and at SIGTERM shuts down as
 * the router does. Its argument is how many spans; every other one is made as the router makes them, the
 * others by the SDK.
 */
import { SpanKind, TraceFlags } from '@opentelemetry/api';
import { RecordedSpan } from '../recorded-span.ts';
import { newSpanId, newTraceId } from '../span-ids.ts';
import { startTracing } from '../tracing.ts';

const tracing = await startTracing('spanning', '1', console);
const { origin } = tracing;
if (!origin) throw new Error('it does not trace');
for (let at = 0; at < Number(process.argv[2]); at++) {
  if (at % 2 === 1) {
    tracing.tracer.startSpan(`span ${at}`).end();
    continue;
  }
  const context = { traceId: newTraceId(), spanId: newSpanId(), traceFlags: TraceFlags.SAMPLED };
  const about = { name: `span ${at}`, kind: SpanKind.INTERNAL, startMs: Date.now() };
  const span = new RecordedSpan(origin, about, context, undefined);
  span.end({}, Date.now(), false);
  tracing.ended(span);
}
process.once('SIGTERM', async () => {
  await tracing.shutdown();
  process.exit(0);
});
// Keeps the process until then.
setInterval(() => {}, 60_000);
process.send?.('ready');
