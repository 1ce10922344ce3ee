import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { keyOf } from '../../kube/object.ts';
import type { ModelLoad } from '../demand/routers.ts';
import { modelFilterOf, SelectorError } from './selector.ts';

/** The one metric: requests in flight and held, over all routers. Its label `model` has the ModelDeployment's name. */
export const demandMetric = 'fairlead_demand';
const group = 'external.metrics.k8s.io';
const groupVersion = `${group}/v1beta1`;
export const apiRoot = `/apis/${groupVersion}`;

/** An HTTP status and a Kubernetes object. */
export interface Answer {
  status: number;
  body: object;
}

/** What a path asks for. */
export type Question =
  | { kind: 'discovery' }
  | { kind: 'metric'; namespace: string; metric: string; selector: string }
  | { kind: 'unknown' };

/** What the answers are made from. */
export interface Sources {
  /** The ModelDeployments of a namespace. */
  modelsOf(namespace: string): readonly ModelDeployment[];
  loadOf(key: string): ModelLoad;
  /** Milliseconds since 1970. */
  nowMs(): number;
}

/** Reads the URL of a request. */
export function questionOf(url: string): Question {
  const { pathname, searchParams } = new URL(url, 'https://unused');
  if (pathname === apiRoot || pathname === `${apiRoot}/`) return { kind: 'discovery' };
  const [, namespace, metric] =
    new RegExp(`^${apiRoot}/namespaces/([^/]+)/([^/]+)$`).exec(pathname) ?? [];
  if (namespace === undefined || metric === undefined) return { kind: 'unknown' };
  return { kind: 'metric', namespace, metric, selector: searchParams.get('labelSelector') ?? '' };
}

/** What metrics there are, as the API server's discovery wants it (metav1.APIResourceList). */
export function discovery(): Answer {
  const resource = {
    name: demandMetric,
    singularName: '',
    namespaced: true,
    kind: 'ExternalMetricValueList',
    verbs: ['get'],
  };
  const body = { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [resource] };
  return { status: 200, body };
}

/**
 * The values of a metric, one for each model that is selected. While a router that serves is not heard there
 * are none but an error: a HorizontalPodAutoscaler then leaves everything as it is.
 */
export function valuesOf(
  { namespace, metric, selector }: Extract<Question, { kind: 'metric' }>,
  { modelsOf, loadOf, nowMs }: Sources,
): Answer {
  if (metric !== demandMetric)
    return refusal(404, 'NotFound', `there is no metric ${metric}, only ${demandMetric}`);
  try {
    const isWanted = modelFilterOf(selector);
    const models = modelsOf(namespace).filter(({ metadata }) => isWanted(metadata.name));
    const loads = models.map((model) => ({ model, load: loadOf(keyOf(model)) }));
    if (loads.some(({ load }) => !load.isComplete))
      return refusal(503, 'ServiceUnavailable', 'a router that serves has not been heard');
    const timestamp = `${new Date(nowMs()).toISOString().slice(0, 19)}Z`;
    const items = loads.map(({ model, load }) => ({
      metricName: demandMetric,
      metricLabels: { model: model.metadata.name },
      timestamp,
      value: String(load.inFlight + load.held),
    }));
    const head = { kind: 'ExternalMetricValueList', apiVersion: groupVersion, metadata: {} };
    return { status: 200, body: { ...head, items } };
  } catch (error) {
    if (error instanceof SelectorError) return refusal(400, 'BadRequest', error.message);
    throw error;
  }
}

/** A metav1.Status. */
export function refusal(code: number, reason: string, message: string): Answer {
  const head = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' };
  return { status: code, body: { ...head, code, reason, message } };
}
