import { errorTypes, operations, providerName, queueOutcomes } from './values.ts';

/** Requirement levels of the semantic conventions. */
export type Level = 'required' | 'conditionally_required' | 'recommended' | 'opt_in';

/** The types of attribute values, by their names in the semantic conventions. */
interface Values {
  string: string;
  int: number;
  double: number;
  boolean: boolean;
  'string[]': readonly string[];
}

/** One attribute of a span. */
export interface AttributeDefinition {
  readonly type: keyof Values;
  readonly level: Level;
  readonly brief: string;
  /** The one profile that has it; absent: both. */
  readonly profile?: Profile;
}

/** One kind of span. */
export interface SpanDefinition {
  readonly name: string;
  readonly kind: 'SERVER' | 'CLIENT' | 'INTERNAL';
  /** Key in {@link spans} of the span above it; absent: it continues the client's trace, or begins one. */
  readonly parent?: string;
  readonly brief: string;
  readonly attributes: Readonly<Record<string, AttributeDefinition>>;
}

/** The attributes of a span as code sets them: no other keys, each of its type. */
export type AttributesOf<S extends SpanDefinition> = {
  [K in keyof S['attributes']]?: Values[S['attributes'][K]['type']] | undefined;
};

/**
 * GenAI conventions are in development and moved to a repository of their own after v1.41. `v1_41` is
 * the last release, and the default; `latest` is that repository, and comes by the standard variable
 * OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental. A process emits one of them.
 */
export type Profile = 'v1_41' | 'latest';

/** `schemaUrl` of the instrumentation scope. */
export const schemaUrls = {
  v1_41: 'https://opentelemetry.io/schemas/1.41.0',
  latest: 'https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev',
} as const satisfies Record<Profile, string>;

/** The profile that an environment asks for. */
export function profileOf(env: NodeJS.ProcessEnv): Profile {
  const asked = (env.OTEL_SEMCONV_STABILITY_OPT_IN ?? '').split(',').map((one) => one.trim());
  return asked.includes('gen_ai_latest_experimental') ? 'latest' : 'v1_41';
}

type Brief = Pick<AttributeDefinition, 'brief'>;
const required = <T extends keyof Values>(type: T, brief: string) =>
  define(type, 'required', brief);
const conditional = <T extends keyof Values>(type: T, brief: string) =>
  define(type, 'conditionally_required', brief);
const recommended = <T extends keyof Values>(type: T, brief: string) =>
  define(type, 'recommended', brief);
const optIn = <T extends keyof Values>(type: T, brief: string) => define(type, 'opt_in', brief);

function define<T extends keyof Values, L extends Level>(
  type: T,
  level: L,
  brief: string,
): { readonly type: T; readonly level: L } & Brief {
  return { type, level, brief };
}

const errorType = conditional(
  'string',
  `Where it failed: an HTTP code, or ${errorTypes.map((value) => `\`${value}\``).join(', ')}`,
);

/** The request as the client makes it. */
export const serverSpan = {
  name: '{http.request.method} {http.route}',
  kind: 'SERVER',
  brief:
    'One request of a client, until the last byte of its answer. Its status is an error only for 5xx and for answers that broke off.',
  attributes: {
    'http.request.method': required('string', 'Method; `_OTHER` for one that HTTP does not know'),
    'http.request.method_original': conditional('string', 'Where that differs'),
    'url.path': required('string', 'Path without its query, which may hold anything'),
    'url.scheme': required('string', '`http`'),
    'http.route': conditional('string', 'The endpoint’s own path, where there is one'),
    'http.response.status_code': conditional('int', 'Where one was sent'),
    'error.type': errorType,
    'server.address': recommended('string', 'Host that the client asked'),
    'server.port': conditional('int', 'Port that the client asked, where it named one'),
    'client.address': recommended('string', 'Address of the connection’s other end'),
    'user_agent.original': recommended('string', 'User-Agent header'),
    'network.protocol.version': recommended('string', '`1.1` or `1.0`'),
    'fairlead.request.id': required('string', 'As in x-request-id'),
  },
} as const satisfies SpanDefinition;

/** A wait for a replica. */
export const admissionSpan = {
  name: 'fairlead.admission',
  kind: 'INTERNAL',
  parent: 'server',
  brief:
    'The time that a request was held until a replica could take it. Only where it had to wait.',
  attributes: {
    'fairlead.queue.outcome': required(
      'string',
      queueOutcomes.map((value) => `\`${value}\``).join(', '),
    ),
    'error.type': errorType,
  },
} as const satisfies SpanDefinition;

/** The logical GenAI operation. */
export const operationSpan = {
  name: '{gen_ai.operation.name} {gen_ai.request.model}',
  kind: 'CLIENT',
  parent: 'server',
  brief:
    'The GenAI operation over all attempts, until the last byte or the abort. Calls that name no model of the catalog have no `gen_ai.request.model`.',
  attributes: {
    'gen_ai.operation.name': required(
      'string',
      operations.map((value) => `\`${value}\``).join(', '),
    ),
    'gen_ai.provider.name': required('string', `\`${providerName}\`: the wire flavour`),
    'gen_ai.request.model': conditional('string', 'Served name of the model'),
    'gen_ai.request.stream': conditional('boolean', 'True for streams, else absent'),
    'gen_ai.request.choice.count': conditional('int', '`n`, where it is not 1'),
    'gen_ai.request.seed': conditional('int', '`seed`'),
    'gen_ai.request.top_k': conditional('double', '`top_k`; of type int in the profile `latest`'),
    'gen_ai.output.type': conditional('string', '`text`, `json`, `image` or `speech`'),
    'gen_ai.conversation.id': conditional('string', '`conversation`'),
    'gen_ai.request.max_tokens': recommended('int', '`max_tokens` and its younger names'),
    'gen_ai.request.temperature': recommended('double', '`temperature`'),
    'gen_ai.request.top_p': recommended('double', '`top_p`'),
    'gen_ai.request.frequency_penalty': recommended('double', '`frequency_penalty`'),
    'gen_ai.request.presence_penalty': recommended('double', '`presence_penalty`'),
    'gen_ai.request.stop_sequences': recommended('string[]', '`stop`'),
    'gen_ai.request.previous_response.id': {
      ...recommended('string', '`previous_response_id`'),
      profile: 'latest',
    },
    'gen_ai.request.reasoning.level': {
      ...recommended('string', '`reasoning_effort` or `reasoning.effort`'),
      profile: 'latest',
    },
    'gen_ai.response.id': recommended('string', 'Id of the answer'),
    'gen_ai.response.model': recommended('string', 'Model that the engine says it is'),
    'gen_ai.response.finish_reasons': recommended('string[]', 'One for each choice'),
    'gen_ai.response.time_to_first_chunk': recommended('double', 'Seconds, of a stream'),
    'gen_ai.usage.input_tokens': recommended('int', 'Tokens of the prompt, cached ones included'),
    'gen_ai.usage.output_tokens': recommended('int', 'Tokens of the answer'),
    'gen_ai.usage.cache_read.input_tokens': recommended('int', 'Of the prompt’s, those cached'),
    'gen_ai.usage.reasoning.output_tokens': recommended('int', 'Of the answer’s, those of thought'),
    'openai.api.type': recommended('string', '`chat_completions` or `responses`'),
    'openai.request.service_tier': conditional('string', '`service_tier`, where it is not `auto`'),
    'openai.response.service_tier': conditional('string', 'Where the answer tells it'),
    'openai.response.system_fingerprint': recommended('string', 'Where the answer tells it'),
    'server.address': recommended('string', 'Address of the replica asked last'),
    'server.port': conditional('int', 'Its port'),
    'error.type': errorType,
    'gen_ai.input.messages': optIn('string', 'The prompt as JSON, with FAIRLEAD_CAPTURE_CONTENT'),
    'gen_ai.output.messages': optIn('string', 'The answer as JSON, with FAIRLEAD_CAPTURE_CONTENT'),
    'gen_ai.system_instructions': optIn('string', 'As JSON, with FAIRLEAD_CAPTURE_CONTENT'),
    'fairlead.attempts': required('int', 'Requests sent to replicas'),
    'fairlead.queue_wait': conditional(
      'double',
      'Seconds of waiting for a replica, where it waited',
    ),
    'fairlead.model.namespace': conditional('string', 'Of the model’s object'),
    'fairlead.model.adapter': conditional('string', 'LoRA adapter, where one is asked for'),
    'fairlead.model.fallback': conditional('string', 'Model that was asked instead, last'),
    'fairlead.tenant': conditional('string', 'Of the API key, where one is asked for'),
  },
} as const satisfies SpanDefinition;

/** One request to a replica. */
export const attemptSpan = {
  name: '{http.request.method}',
  kind: 'CLIENT',
  parent: 'operation',
  brief: 'One request to one replica, which gets the span’s traceparent.',
  attributes: {
    'http.request.method': required('string', 'Method'),
    'url.full': required('string', 'Address and path, without the query'),
    'server.address': required('string', 'Address of the replica'),
    'server.port': required('int', 'Port of the replica'),
    'http.request.resend_count': recommended(
      'int',
      'Attempts before this one, where there were any',
    ),
    'http.response.status_code': conditional('int', 'Where one came'),
    'network.protocol.version': recommended('string', '`1.1`'),
    'error.type': errorType,
    'fairlead.backend.pod': conditional(
      'string',
      'Name of the pod; absent for an external endpoint',
    ),
    'fairlead.backend.namespace': required('string', 'Its namespace'),
    'fairlead.backend.runtime': conditional('string', 'Its engine: `vllm`, `llamacpp` …'),
    'fairlead.backend.revision': conditional('string', 'Its revision'),
    'fairlead.route.policy': required('string', 'Policy that chose it'),
    'fairlead.route.reason': required('string', 'What decided'),
    'fairlead.route.candidates': required('int', 'Replicas that it was chosen from'),
    'fairlead.route.prefix_match_ratio': recommended(
      'double',
      'Share of the prompt that it was expected to have cached, 0 … 1',
    ),
  },
} as const satisfies SpanDefinition;

/** One reconcile of the operator. */
export const reconcileSpan = {
  name: 'reconcile {fairlead.reconcile.controller}',
  kind: 'INTERNAL',
  brief: 'One reconcile of the operator; only where its own OTLP endpoint is set.',
  attributes: {
    'fairlead.reconcile.controller': required('string', 'Name of the controller'),
    'fairlead.reconcile.key': required('string', 'namespace/name of the object'),
    'fairlead.reconcile.id': required('string', '`reconcileId` of the log'),
    'fairlead.reconcile.result': required(
      'string',
      '`success`, `requeue_after`, `requeue` or `error`, as in controller_runtime_reconcile_total',
    ),
    'error.type': conditional(
      'string',
      'Where it threw: the reason of the API server, or `_OTHER`',
    ),
  },
} as const satisfies SpanDefinition;

/** Every span, parents before children. */
export const spans = {
  server: serverSpan,
  admission: admissionSpan,
  operation: operationSpan,
  attempt: attemptSpan,
  reconcile: reconcileSpan,
} as const satisfies Record<string, SpanDefinition>;
