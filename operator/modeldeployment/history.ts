import { createHash } from 'node:crypto';
import type { AcceleratorProfileSpec } from '../../crds/acceleratorprofile.ts';
import { managedByFairlead, managedByLabel, modelDeploymentLabel } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { controllerReference, type Intent } from '../../kube/object.ts';
import type { ControllerRevision } from '../../kube/resources.ts';
import type { PodTemplate } from './replica-pod.ts';
import { canonical, newestAlgorithm } from './revision.ts';

/** A revision whose pods can be made at any time, just as they were made first. */
export interface StoredRevision {
  /** What {@link revisionOf} gives. */
  revision: string;
  /** Of the object. */
  name: string;
  uid: string;
  /** Counts up from 1 over the life of the ModelDeployment. */
  number: number;
  template: PodTemplate;
  /** What {@link profileHash} gave when it was rendered. */
  profile?: string;
}

/** What a ControllerRevision of ours holds. */
interface Data {
  /** Version of the algorithm that named it. */
  algorithm: number;
  revision: string;
  template: PodTemplate;
  profile?: string;
}

/** What is kept, by revision. */
export function historyOf(objects: readonly ControllerRevision[]): Map<string, StoredRevision> {
  return new Map(
    objects.map(({ metadata: { name, uid }, revision: number, data }) => {
      const { revision, template, profile } = data as Data;
      return [revision, { revision, name, uid, number, template, ...(profile && { profile }) }];
    }),
  );
}

/**
 * The object that keeps a revision: the pods' whole template, so that neither another version of the
 * operator nor another default image changes what the revision stands for.
 */
export function controllerRevisionOf(
  deployment: ModelDeployment,
  revision: string,
  template: PodTemplate,
  history: ReadonlyMap<string, StoredRevision>,
  profile: AcceleratorProfileSpec | undefined,
): Intent<ControllerRevision> {
  const { name, namespace } = deployment.metadata;
  const data: Data = {
    ...{ algorithm: newestAlgorithm, revision, template },
    ...(profile && { profile: profileHash(profile) }),
  };
  return {
    metadata: {
      name: `${name}-${revision}`,
      ...(namespace && { namespace }),
      labels: { [managedByLabel]: managedByFairlead, [modelDeploymentLabel]: name },
      ownerReferences: [{ ...controllerReference(deployment), blockOwnerDeletion: false }],
    },
    revision: Math.max(0, ...[...history.values()].map(({ number }) => number)) + 1,
    data,
  };
}

/** What of a profile reaches pods, in short: two profiles with one hash make the same pods. */
export function profileHash({ pricePerHour: _, ...spec }: AcceleratorProfileSpec): string {
  return createHash('sha256').update(canonical(spec)).digest('hex').slice(0, 8);
}

/**
 * The revisions to forget: those that nothing needs, beyond the newest `limit` of them.
 * @param needed revisions of pods, and those that pods may be made of
 */
export function outlived(
  history: ReadonlyMap<string, StoredRevision>,
  needed: ReadonlySet<string | undefined>,
  limit: number,
): StoredRevision[] {
  const idle = [...history.values()].filter(({ revision }) => !needed.has(revision));
  return idle.sort((a, b) => b.number - a.number).slice(limit);
}
