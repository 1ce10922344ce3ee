import { durationMs } from '../../crds/duration.ts';
import { cpuProfile } from '../../crds/modeldeployment/accelerator.ts';
import type { ModelDeploymentSpec } from '../../crds/modeldeployment.ts';
import type { RolloutLimits } from './plan.ts';

/** What `spec.rollout` comes to: a spare accelerator rarely exists, so without a word there is no surge. */
export function rolloutOf({ rollout, accelerator }: ModelDeploymentSpec): RolloutLimits {
  const { maxSurge, maxUnavailable, drainTimeout, startTimeout } = rollout;
  const inPlace = accelerator.profile !== cpuProfile && maxUnavailable > 0;
  return {
    maxSurge: maxSurge ?? (inPlace ? 0 : 1),
    maxUnavailable,
    drainTimeoutMs: durationMs(drainTimeout),
    startTimeoutMs: durationMs(startTimeout),
  };
}
