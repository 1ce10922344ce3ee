import { coldStartBuckets, type MetricDefinition } from './metric.ts';

const model = 'gen_ai_request_model';

/**
 * The operator's metrics beside those under controller-runtime's names (kube/metrics.ts), by the names
 * they have in code. Only the replica that leads shows them.
 */
export const operatorMetrics = {
  modelReplicas: {
    name: 'fairlead_model_replicas',
    type: 'gauge',
    unit: '1',
    help: 'Replicas of a model by state; a replica that is being deleted is terminating only',
    labels: [model, 'namespace', 'state'],
  },
  coldStart: {
    name: 'fairlead_cold_start_seconds',
    type: 'histogram',
    unit: 's',
    help: 'Time that a model took from no replica to its first ready one, by stage; total is all of it',
    labels: [model, 'stage'],
    buckets: coldStartBuckets,
  },
  autoscalerSignal: {
    name: 'fairlead_autoscaler_signal',
    type: 'gauge',
    unit: '1',
    help: 'What the autoscaler steers by: requests in flight and held, over all routers',
    labels: [model],
  },
  autoscalerTarget: {
    name: 'fairlead_autoscaler_target',
    type: 'gauge',
    unit: '1',
    help: 'Signal that one replica should have',
    labels: [model],
  },
  autoscalerDesiredReplicas: {
    name: 'fairlead_autoscaler_desired_replicas',
    type: 'gauge',
    unit: '1',
    help: 'Replicas that the autoscaler wants',
    labels: [model],
  },
  autoscalerMaxReplicas: {
    name: 'fairlead_autoscaler_max_replicas',
    type: 'gauge',
    unit: '1',
    help: 'Replicas that the autoscaler may want at most',
    labels: [model],
  },
  autoscalerDecisions: {
    name: 'fairlead_autoscaler_decisions_total',
    type: 'counter',
    unit: '1',
    help: 'Changes of the replicas wanted, by what made the autoscaler decide so',
    labels: [model, 'direction', 'reason'],
  },
  replicaSeconds: {
    name: 'fairlead_replica_seconds_total',
    type: 'counter',
    unit: 's',
    help: 'Time that replicas were on a node, summed over replicas',
    labels: [model, 'namespace', 'accelerator'],
  },
  replicaPricePerHour: {
    name: 'fairlead_replica_price_per_hour',
    type: 'gauge',
    unit: '1',
    help: 'Price of one replica an hour, where its AcceleratorProfile tells one',
    labels: [model, 'namespace', 'accelerator'],
  },
} as const satisfies Record<string, MetricDefinition>;
