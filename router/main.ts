import { createClient } from '../kube/client.ts';
import { loadKubeConfig } from '../kube/config.ts';
import {
  createFlatLogger,
  createLogger,
  flushLogger,
  standardOutput,
} from '../telemetry/logger.ts';
import { startTracing } from '../telemetry/tracing.ts';
import { readVersion } from '../telemetry/version.ts';
import { ConfigError, readConfig } from './config.ts';
import { startRouter } from './router.ts';

/** Runs the router until SIGTERM or SIGINT; the exit code is 0 after an orderly end. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const version = await readVersion();
  const sink = standardOutput();
  const about = { program: 'fairlead-router', version };
  const log = createLogger({ ...about, level: config.logLevel }, sink);
  const accessLog = log.isLevelEnabled('info') ? createFlatLogger(about, sink) : undefined;
  const [tracing, cluster] = await Promise.all([
    startTracing('fairlead-router', version, log, config.captureContent),
    loadKubeConfig(),
  ]);
  const client = createClient(cluster, { userAgent: `fairlead-router/${version}` });
  const router = await startRouter({ config, client, log, accessLog, tracing, version });

  await signalled('SIGTERM', 'SIGINT');
  await router.shutdown();
  accessLog?.flush();
  await flushLogger(log);
  process.exit(0);
}

/** Resolves at the first of these signals; a second one ends the process at once, as by default. */
function signalled(...signals: NodeJS.Signals[]): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve());
  });
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  const detail = error instanceof ConfigError ? message : error instanceof Error && error.stack;
  process.stderr.write(`fairlead-router: ${detail || message}\n`);
  process.exit(1);
});
