/**
 * A program that traces: makes spans that nothing has sent yet, says `ready`, and at SIGTERM shuts down as
 * the router does. Its argument is how many spans.
 */
import { startTracing } from '../tracing.ts';

const tracing = await startTracing('spanning', '1', console);
for (let at = 0; at < Number(process.argv[2]); at++) tracing.tracer.startSpan(`span ${at}`).end();
process.once('SIGTERM', async () => {
  await tracing.shutdown();
  process.exit(0);
});
// Keeps the process until then.
setInterval(() => {}, 60_000);
process.send?.('ready');
