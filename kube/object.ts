import type * as k8s from '@kubernetes/client-node';

/** T as JSON carries it: client-node's model types declare `Date` where the wire has a string. */
export type Wire<T> = T extends Date ? string : { [K in keyof T]: Wire<T[K]> };

export type OwnerReference = k8s.V1OwnerReference;

/** metav1.ObjectMeta as the API server sends it. */
export type ObjectMeta = Wire<k8s.V1ObjectMeta> & {
  name: string;
  uid: string;
  /** Opaque: compared for equality only. */
  resourceVersion: string;
  creationTimestamp: string;
};

/** What every Kubernetes object has. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** T with every property optional at every depth; arrays keep whole items. */
type DeepPartial<T> = T extends readonly unknown[] ? T : { [K in keyof T]?: DeepPartial<T[K]> };

/** What a caller writes: the server fills the rest of the metadata, `apiVersion` and `kind` come from the type. */
export type Intent<T extends KubeObject> = {
  metadata: Omit<Partial<ObjectMeta>, 'namespace'> & ObjectRef;
} & { [K in Exclude<keyof T, keyof KubeObject | 'status'>]?: T[K] } & {
  [K in Extract<keyof T, 'status'>]?: DeepPartial<T[K]>;
};

/** Where a kind is served. `group` is '' for the core group. `T` exists for the compiler only. */
export interface ResourceType<T extends KubeObject = KubeObject> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly objectType?: T;
}

/** Names one object within its kind. */
export interface ObjectRef {
  namespace?: string | undefined;
  name: string;
}

/** The store and queue key of an object: `namespace/name`, or `name` when it has no namespace. */
export function keyOf({ metadata: { name, namespace } }: { metadata: ObjectRef }): string {
  return namespace ? `${namespace}/${name}` : name;
}

/** The inverse of {@link keyOf}. */
export function parseKey(key: string): ObjectRef {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The owner reference marked as controller, of which the API server allows one. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** The reference with which `owner` becomes the controller of a child; deleting the owner deletes the child. */
export function controllerReference({ apiVersion, kind, metadata }: KubeObject): OwnerReference {
  const { name, uid } = metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}
