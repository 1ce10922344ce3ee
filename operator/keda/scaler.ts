import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { inFlightPerReplicaOf } from '../autoscaling/config.ts';
import type { ModelLoad } from '../demand/routers.ts';
import { demandMetric } from '../external-metrics/answers.ts';
import type { GetMetricSpecResponse, GetMetricsResponse, ScaledObjectRef } from './protocol.ts';

/** What the answers are made from. */
export interface ScalerSources {
  /** @param key `namespace/name` */
  modelOf(key: string): ModelDeployment | undefined;
  loadOf(key: string): ModelLoad;
}

/** What KEDA asked cannot be answered; `code` is one of gRPC's. */
export class ScalerError extends Error {
  override name = 'ScalerError';
  readonly code: 'INVALID_ARGUMENT' | 'NOT_FOUND' | 'UNAVAILABLE';
  constructor(code: ScalerError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The model that a trigger is for: its metadata `model`, the name of a ModelDeployment of the same namespace.
 * @returns its key
 * @throws ScalerError
 */
export function keyOfTrigger({ namespace, scalerMetadata }: ScaledObjectRef): string {
  const { model } = scalerMetadata;
  if (!model)
    throw new ScalerError(
      'INVALID_ARGUMENT',
      'metadata.model is missing: the name of a ModelDeployment of the same namespace',
    );
  return `${namespace}/${model}`;
}

/** Whether there is anything in flight or held. @throws ScalerError */
export function isActive(ref: ScaledObjectRef, sources: ScalerSources): boolean {
  const { inFlight, held, isComplete } = sources.loadOf(keyOfTrigger(ref));
  if (inFlight + held > 0) return true;
  if (!isComplete) throw unheard();
  return false;
}

/** The target of each replica: metadata `inFlightPerReplica`, else what the ModelDeployment says. @throws ScalerError */
export function metricSpecOf(ref: ScaledObjectRef, sources: ScalerSources): GetMetricSpecResponse {
  const target = targetOf(ref, sources);
  const spec = { metricName: demandMetric, targetSize: target, targetSizeFloat: target };
  return { metricSpecs: [spec] };
}

/** Requests in flight and held. @throws ScalerError */
export function metricsOf(ref: ScaledObjectRef, sources: ScalerSources): GetMetricsResponse {
  const { inFlight, held, isComplete } = sources.loadOf(keyOfTrigger(ref));
  if (!isComplete) throw unheard();
  const value = inFlight + held;
  return {
    metricValues: [{ metricName: demandMetric, metricValue: value, metricValueFloat: value }],
  };
}

function targetOf(ref: ScaledObjectRef, { modelOf }: ScalerSources): number {
  const given = ref.scalerMetadata.inFlightPerReplica;
  if (given !== undefined) {
    if (!/^[1-9][0-9]{0,5}$/.test(given))
      throw new ScalerError(
        'INVALID_ARGUMENT',
        `metadata.inFlightPerReplica must be a whole number from 1, not "${given}"`,
      );
    return Number(given);
  }
  const key = keyOfTrigger(ref);
  const model = modelOf(key);
  if (!model) throw new ScalerError('NOT_FOUND', `there is no ModelDeployment ${key}`);
  return inFlightPerReplicaOf(model.spec.autoscaling, model.spec);
}

/** KEDA leaves everything as it is then, or does what its `fallback` says. */
function unheard(): ScalerError {
  return new ScalerError('UNAVAILABLE', 'a router that serves has not been heard');
}
