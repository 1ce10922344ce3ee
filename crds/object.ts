/**
 * What Kubernetes adds to every object, as far as Fairlead reads it. Structurally the same as the types
 * in `kube/`, which this folder may not import.
 */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** metav1.ObjectMeta as the API server sends it: timestamps are RFC 3339 strings. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
}

/** Where a kind is served; `objectType` exists for the compiler only. */
export interface ResourceCoordinates<T> {
  readonly group: 'fairlead.dev';
  readonly version: 'v1alpha1';
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly objectType?: T;
}

/** The group and version of every kind that Fairlead defines. */
export const groupVersion = { group: 'fairlead.dev', version: 'v1alpha1' } as const;
/** {@link groupVersion} as objects carry it. */
export const apiVersion = 'fairlead.dev/v1alpha1';
