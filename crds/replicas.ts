import type { ModelDeployment } from './modeldeployment.ts';

/**
 * How many replicas there should be: `spec.replicas`, save for an object that is as it was created and has
 * `autoscaling`. It begins with the fewest that it may have, for its `replicas` are the API server's default.
 */
export function wantedReplicas({
  metadata,
  spec,
}: Pick<ModelDeployment, 'metadata' | 'spec'>): number {
  return spec.autoscaling && metadata.generation === 1
    ? spec.autoscaling.minReplicas
    : spec.replicas;
}
