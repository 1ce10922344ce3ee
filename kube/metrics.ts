import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Ten nanoseconds to a thousand seconds (controller-runtime, pkg/internal/metrics/workqueue.go). */
const queueBuckets = Array.from({ length: 12 }, (_, power) => 10 ** (power - 8));
/** controller-runtime, pkg/internal/controller/metrics/metrics.go. */
const reconcileBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
  1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

/** The runtime's metrics, under the names that dashboards for controller-runtime and client-go know. */
export type KubeMetrics = ReturnType<typeof createKubeMetrics>;

/** Makes the metrics in `registry`. Call once for each registry: prom-client refuses a name twice. */
export function createKubeMetrics(registry: Registry) {
  const registers = [registry];
  const updates = new Set<() => void>();
  const collect = () => {
    for (const update of updates) update();
  };
  const counter = <L extends string>(name: string, labelNames: L[], help: string) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = <L extends string>(name: string, labelNames: L[], help: string) =>
    new Gauge({ name, help, labelNames, registers });
  /** A gauge whose value is an age, so that it must be set anew at each scrape. */
  const age = <L extends string>(name: string, labelNames: L[], help: string) =>
    new Gauge({ name, help, labelNames, registers, collect });
  const seconds = <L extends string>(name: string, labelNames: L[], buckets: number[]) =>
    new Histogram({ name, help: 'Seconds', labelNames, buckets, registers });

  const of: 'controller'[] = ['controller'];
  const queue: ('name' | 'controller')[] = ['name', 'controller'];
  const kind: 'kind'[] = ['kind'];
  const [runtime, work, reflector] = ['controller_runtime', 'workqueue', 'reflector'];
  return {
    restRequests: counter('rest_client_requests_total', ['code', 'method', 'host'], 'API requests'),

    reconciles: counter(`${runtime}_reconcile_total`, [...of, 'result'], 'Reconciles by outcome'),
    reconcileErrors: counter(`${runtime}_reconcile_errors_total`, of, 'Reconciles that threw'),
    terminalErrors: counter(`${runtime}_terminal_reconcile_errors_total`, of, 'TerminalErrors'),
    reconcileSeconds: seconds(`${runtime}_reconcile_time_seconds`, of, reconcileBuckets),
    maxConcurrent: gauge(`${runtime}_max_concurrent_reconciles`, of, 'Workers'),
    activeWorkers: gauge(`${runtime}_active_workers`, of, 'Workers that reconcile'),

    queueDepth: gauge(`${work}_depth`, [...queue, 'priority'], 'Keys that wait'),
    queueAdds: counter(`${work}_adds_total`, queue, 'Keys added'),
    queueRetries: counter(`${work}_retries_total`, queue, 'Keys added with rate limit'),
    queueSeconds: seconds(`${work}_queue_duration_seconds`, queue, queueBuckets),
    workSeconds: seconds(`${work}_work_duration_seconds`, queue, queueBuckets),
    /** Growing means stuck workers. */
    unfinishedSeconds: age(`${work}_unfinished_work_seconds`, queue, 'Sum of ages of work at hand'),
    longestRunningSeconds: age(`${work}_longest_running_processor_seconds`, queue, 'Oldest work'),

    reflectorLists: counter(`${reflector}_lists_total`, kind, 'Lists begun'),
    reflectorWatches: counter(`${reflector}_watches_total`, kind, 'Watches begun'),
    handlerErrors: counter(`${reflector}_handler_errors_total`, kind, 'Handlers that threw'),
    /** Bookmarks count, so more than some two minutes is a broken watch. */
    reflectorLastEventAge: age(`${reflector}_last_event_age_seconds`, kind, 'Since the last event'),

    isLeader: gauge('leader_election_master_status', ['name'], '1 while this process leads'),
    /** Called on each scrape, for gauges whose value is an age. Returns what removes it again. */
    onCollect(update: () => void): () => void {
      updates.add(update);
      return () => updates.delete(update);
    },
  };
}
