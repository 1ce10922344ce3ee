import {
  attemptOutcomes,
  coldStartStages,
  operations,
  otherValue,
  outcomes,
  phases,
  providerName,
  queueOutcomes,
  replicaStates,
  scaleDirections,
  tokenTypes,
} from './values.ts';

/** One metric: seconds, bytes and tokens are the units; `labels` are all there can be. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Of the value; `1` for counts of what the name says. */
  readonly unit: 's' | 'token' | '1';
  readonly help: string;
  readonly labels: readonly Label[];
  readonly buckets?: readonly number[];
}

/** Every label, and the values that it takes. */
export const labels = {
  gen_ai_request_model: `served name of a model, or \`${otherValue}\` for a name that is none`,
  gen_ai_operation_name: oneOf(operations),
  gen_ai_provider_name: oneOf([providerName]),
  gen_ai_token_type: oneOf(['input', 'output']),
  error_type: 'absent on success; an HTTP code, or the `error.type` of the spans',
  code: 'HTTP status sent to the client; 0: none',
  outcome: `of a request: ${oneOf(outcomes)}; of an attempt: ${oneOf(attemptOutcomes)}; of a wait: ${oneOf(queueOutcomes)}`,
  type: oneOf(tokenTypes),
  tenant: 'of the API key; absent where none is asked for',
  policy: 'of spec.routing.policy',
  reason:
    'of a decision: what made it; of a retry: the failed attempt’s `error.type`; of an ejection: its rule',
  fallback_model: 'served name of the model that was asked instead',
  phase: oneOf(phases),
  namespace: 'of the model’s object',
  backend: 'name of a pod, or host of an external endpoint',
  state: oneOf(replicaStates),
  stage: oneOf(coldStartStages),
  direction: oneOf(scaleDirections),
  accelerator: 'name of an AcceleratorProfile; `none`: the node’s processors',
  program: '`router` or `operator`',
  version: 'of Fairlead',
  node_version: 'of Node.js',
} as const satisfies Record<string, string>;
export type Label = keyof typeof labels;

function oneOf(values: readonly string[]): string {
  return values.map((value) => `\`${value}\``).join(', ');
}

/** 10 ms doubling to 655 s (gen_ai.server.request.duration, stretched for long answers). */
export const durationBuckets = Array.from({ length: 17 }, (_, power) => round(0.01 * 2 ** power));
/** gen_ai.server.time_to_first_token, stretched for long prompts and queues. */
export const firstTokenBuckets = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
  160,
];
/** gen_ai.server.time_per_output_token, stretched. */
export const perTokenBuckets = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 10,
];
/** gen_ai.client.token.usage: powers of four. */
export const tokenBuckets = Array.from({ length: 14 }, (_, power) => 4 ** power);
export const queueBuckets = [
  0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300,
];
export const overheadBuckets = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
];
/** 10 µs to 10 ms: a decision takes microseconds; what takes longer was interrupted. */
export const decisionBuckets = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
];
export const coldStartBuckets = [
  1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 450, 600, 900, 1200, 1800,
];

function round(seconds: number): number {
  return Number(seconds.toPrecision(6));
}
