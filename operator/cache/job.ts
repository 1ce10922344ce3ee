import { createHash } from 'node:crypto';
import { managedByFairlead, managedByLabel } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { controllerReference, type Intent } from '../../kube/object.ts';
import type { Job, PersistentVolumeClaim } from '../../kube/resources.ts';
import type { OperatorConfig } from '../config.ts';
import { type Resolved, renderTemplate } from '../modeldeployment/pod.ts';
import type { CacheLoad } from '../weights/cache.ts';
import { downloadedWeights, type LoaderSettings } from '../weights/download.ts';
import { modelPlace } from '../weights/weights.ts';

/** Where the Job has the cache. */
const path = '/cache';

/** What a cache class says; the chart's `weights.cacheClasses`. */
export type CacheClass = OperatorConfig['cacheClasses'][string];

/** One name for one thing in one volume, whoever wants it; another volume of that name is another thing. */
export function jobName({ folder }: CacheLoad, { metadata }: PersistentVolumeClaim): string {
  const content = `${metadata.uid} ${folder}`;
  return `weights-${createHash('sha256').update(content).digest('hex').slice(0, 12)}`;
}

/**
 * The Job that loads into a cache. It belongs to every ModelDeployment that wants what it loads, and goes with
 * the last of them; what it has loaded stays. It never gives up: what a user mends heals it. Its pod goes where
 * the replicas go, for some volumes are on one node, but holds no accelerator.
 */
export function cacheJob(
  deployment: ModelDeployment,
  resolved: Resolved,
  load: CacheLoad,
  claim: PersistentVolumeClaim,
  loader: LoaderSettings,
): Intent<Job> {
  const { source, form, folder } = load;
  const uri = new URL(source.uri);
  const place = { ...modelPlace, path: `${path}/${folder}` };
  const [container] = downloadedWeights({ source, uri, form, place, loader }).initContainers ?? [];
  const { spec } = renderTemplate(deployment, resolved);
  const { nodeSelector, tolerations, affinity, imagePullSecrets, securityContext } = spec;
  const labels = { [managedByLabel]: managedByFairlead };
  return {
    metadata: {
      name: jobName(load, claim),
      ...(deployment.metadata.namespace && { namespace: deployment.metadata.namespace }),
      labels,
      annotations: { 'fairlead.dev/source': source.uri },
      ownerReferences: [ownerReference(deployment)],
    },
    spec: {
      backoffLimit: 2 ** 31 - 1,
      // Two pods must not write one file, so the second comes when the first has surely ended.
      podReplacementPolicy: 'Failed',
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'OnFailure',
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          ...(nodeSelector && { nodeSelector }),
          ...(tolerations && { tolerations }),
          ...(affinity && { affinity }),
          ...(imagePullSecrets && { imagePullSecrets }),
          ...(securityContext && { securityContext }),
          containers: [
            {
              name: place.loader,
              image: loader.image,
              ...container,
              resources: {
                requests: { cpu: '100m', memory: '256Mi' },
                limits: { cpu: '2', memory: '1Gi' },
              },
              volumeMounts: [{ name: place.volume, mountPath: path }],
            },
          ],
          volumes: [{ name: place.volume, persistentVolumeClaim: { claimName: load.claim } }],
        },
      },
    },
  };
}

/** Of an object that may have several owners. */
export function ownerReference(deployment: ModelDeployment) {
  return { ...controllerReference(deployment), controller: false, blockOwnerDeletion: false };
}

/** The claim of a cache class, made once for a namespace; it outlives the models, and the user deletes it. */
export function cacheClaim(
  namespace: string | undefined,
  name: string,
  { storageClassName, size, accessModes }: CacheClass,
): Intent<PersistentVolumeClaim> {
  return {
    metadata: {
      name,
      ...(namespace && { namespace }),
      labels: { [managedByLabel]: managedByFairlead },
    },
    spec: {
      accessModes: [...accessModes],
      ...(storageClassName !== undefined && { storageClassName }),
      resources: { requests: { storage: size } },
    },
  };
}
