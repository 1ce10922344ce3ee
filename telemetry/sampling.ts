import { ROOT_CONTEXT, type SpanContext, SpanKind, TraceFlags } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';

/** Whether spans of a trace are recorded. @param parent the span of another program that it continues */
export type Samples = (traceId: string, parent: SpanContext | undefined) => boolean;

/** Names of samplers that ask no parent. */
const alone = ['always_on', 'always_off', 'traceidratio'];

/**
 * Decides as the sampler that the standard variables name; the SDK makes one of its own, and shows it to
 * nobody. As there, a ratio that is none is 1, and a name that is none is `parentbased_always_on`.
 */
export function createSampling(env: NodeJS.ProcessEnv): Samples {
  const name = env.OTEL_TRACES_SAMPLER ?? '';
  const asksParent = !alone.includes(name);
  const root = createRoot(name.replace('parentbased_', ''), env.OTEL_TRACES_SAMPLER_ARG);
  return (traceId, parent) => {
    if (parent && asksParent) return (parent.traceFlags & TraceFlags.SAMPLED) !== 0;
    const { decision } = root.shouldSample(ROOT_CONTEXT, traceId, '', SpanKind.SERVER, {}, []);
    return decision === SamplingDecision.RECORD_AND_SAMPLED;
  };
}

function createRoot(name: string, argument = ''): Sampler {
  if (name === 'always_off') return new AlwaysOffSampler();
  if (name !== 'traceidratio') return new AlwaysOnSampler();
  const ratio = argument.trim() === '' ? 1 : Number(argument);
  return new TraceIdRatioBasedSampler(ratio >= 0 && ratio <= 1 ? ratio : 1);
}
