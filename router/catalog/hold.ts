import { durationMs } from '../../crds/duration.ts';
import { holdSpec } from '../../crds/modeldeployment/autoscaling.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { HoldBounds } from './model.ts';

const defaults = holdSpec.parse({});

/**
 * How requests wait for a model; undefined: they do not. Without `autoscaling` they wait all the same, for
 * a HorizontalPodAutoscaler, KEDA or a person may raise `replicas` for them; for a model that is paused or
 * not accepted nothing would ever start.
 */
export function holdOf({ spec, status }: ModelDeployment): HoldBounds | undefined {
  const refused = status?.conditions.some(
    (condition) => condition.type === 'Accepted' && condition.status === 'False',
  );
  const { timeout, maxRequests } = spec.autoscaling?.hold ?? defaults;
  const timeoutMs = durationMs(timeout);
  if (spec.paused || refused || timeoutMs === 0 || maxRequests === 0) return undefined;
  return { timeoutMs, maxRequests, autoscaled: spec.autoscaling !== undefined };
}
