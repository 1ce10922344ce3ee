import { durationMs } from '../../crds/duration.ts';
import type { AutoscalingSpec } from '../../crds/modeldeployment/autoscaling.ts';
import { concurrencyOf } from '../../crds/modeldeployment/concurrency.ts';
import type { ModelDeploymentSpec } from '../../crds/modeldeployment.ts';
import type { PolicyConfig } from './policy.ts';

/** What the policy is told of a spec that has `autoscaling`. */
export function policyConfigOf(
  autoscaling: AutoscalingSpec,
  spec: Pick<ModelDeploymentSpec, 'engine'>,
): PolicyConfig {
  return {
    minReplicas: autoscaling.minReplicas,
    maxReplicas: autoscaling.maxReplicas,
    inFlightPerReplica: inFlightPerReplicaOf(autoscaling, spec),
    scaleUpWindowMs: durationMs(autoscaling.scaleUpWindow),
    scaleDownWindowMs: durationMs(autoscaling.scaleDownWindow),
    idleTimeoutMs: durationMs(autoscaling.idleTimeout),
  };
}

/** Requests that one replica is to carry: as many as the engine works on at once when the user does not say. */
export function inFlightPerReplicaOf(
  autoscaling: AutoscalingSpec | undefined,
  { engine }: Pick<ModelDeploymentSpec, 'engine'>,
): number {
  return autoscaling?.target?.inFlightPerReplica ?? concurrencyOf(engine);
}
