/** Every label and annotation that Fairlead writes. The router and the chart select pods by them. */

/** Label on a model pod: the name of the ModelDeployment it belongs to, in the pod's own namespace. */
export const modelDeploymentLabel = 'fairlead.dev/model-deployment';
/** Label on a model pod: the revision of the intent it was made from. */
export const revisionLabel = 'fairlead.dev/revision';
/** Label on a model pod: which replica it is, a number from 0. */
export const slotLabel = 'fairlead.dev/slot';
/** Label on a model pod: the type of its engine. The chart's PodMonitor scrapes those that have metrics. */
export const engineLabel = 'fairlead.dev/engine';
/** Label on a pod that holds images on a node while its ModelDeployment, which it names, is at zero. */
export const warmLabel = 'fairlead.dev/warm';
/** Label on a pod that computes for another pod of its replica and serves no requests itself. */
export const workerLabel = 'fairlead.dev/worker';
/** The recommended label that says who manages an object; see {@link managedByFairlead}. */
export const managedByLabel = 'app.kubernetes.io/managed-by';
/** Value of {@link managedByLabel} on everything Fairlead makes. */
export const managedByFairlead = 'fairlead';

/** Label on a Secret: what Fairlead may use it for. Others are never read. */
export const secretKindLabel = 'fairlead.dev/kind';
/** Value of {@link secretKindLabel}: a key that clients of the router come with. */
export const apiKeyKind = 'api-key';
/** Value of {@link secretKindLabel}: what an ExternalModel is reached with, to be sent out of the cluster. */
export const externalModelKind = 'external-model';

/** Annotation on a model pod that gets no new request any more: since when (RFC 3339). */
export const drainingAnnotation = 'fairlead.dev/draining';
/** Annotation on a model pod: how many pods in a row died in its place before it. Absent means none. */
export const attemptAnnotation = 'fairlead.dev/attempt';

/** Annotation on a model pod: the name that clients ask by, which its engine's metrics are labelled with. */
export const servedNameAnnotation = 'fairlead.dev/served-name';

/** Annotation on a model pod: the adapters that it is to serve, as JSON; its own agent reads it. */
export const adaptersAnnotation = 'fairlead.dev/adapters';
/**
 * Annotation on a model pod: the adapters that its engine serves, as JSON: `{container, names}`. It holds only
 * as long as the engine's container is the one with that id: another one begins without adapters.
 */
export const loadedAdaptersAnnotation = 'fairlead.dev/loaded-adapters';

/**
 * Annotation on a model pod whose engine has its adapters from its start: their names, as a JSON list. The place
 * of one in it is the id that the engine knows it by.
 */
export const adapterIdsAnnotation = 'fairlead.dev/adapter-ids';

/** Annotation on a pod that a LeaderWorkerSet made: the uid of the ModelDeployment that it is for. */
export const ownerAnnotation = 'fairlead.dev/owner-uid';

/** Name of the container that runs the engine in a model pod. */
export const engineContainer = 'engine';
/** Name of the engine container's port that answers OpenAI-format requests and health checks. */
export const enginePort = 'http';
/** Name of the engine container's port that tells what its prefix cache holds, as it changes (ZeroMQ PUB). */
export const kvEventsPort = 'kv-events';
/** Name of the engine container's port that tells the latest of it again (ZeroMQ ROUTER). */
export const kvReplayPort = 'kv-replay';

/** Selects the routers' pods, which the chart makes, in Fairlead's own namespace. */
export const routerSelector = 'app.kubernetes.io/name=fairlead,app.kubernetes.io/component=router';

/** Selects the pods of one ModelDeployment in its namespace. */
export function podSelector(modelDeploymentName: string): string {
  return `${modelDeploymentLabel}=${modelDeploymentName}`;
}
