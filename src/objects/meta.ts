/** A map of labels or annotations. */
export type StringMap = Readonly<Record<string, string>>;

/** `metav1.OwnerReference`. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** `metav1.ObjectMeta`. Times are RFC 3339 in UTC, to the second. */
export interface ObjectMeta {
  readonly name: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: StringMap;
  readonly annotations?: StringMap;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly unknown[];
}

/** What every Kubernetes object has. Objects are never changed in place: a new value replaces the old one. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** An object whose spec and status this program does not look into. */
export interface AnyObject extends KubeObject {
  readonly [field: string]: unknown;
}

/** `metav1.Condition` and its older relatives. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  readonly lastHeartbeatTime?: string;
  readonly lastUpdateTime?: string;
  readonly observedGeneration?: number;
}

/** An integer or a percentage (`maxSurge`), or a port number or name (`targetPort`). */
export type IntOrString = number | string;

/** `namespace/name`, or just the name of a cluster-scoped object: the key of maps and queues. */
export function objectKey(object: KubeObject): string {
  return keyOf(object.metadata.namespace, object.metadata.name);
}

/** `namespace/name`, or just the name where there is no namespace. */
export function keyOf(namespace: string | undefined, name: string): string {
  // Joined, it is one text at once. A template would be two parts, which stay beside the text that a map makes of them.
  return namespace === undefined || namespace === "" ? name : [namespace, name].join("/");
}

/** The namespace and name in a key made by `keyOf`. */
export function splitKey(key: string): { readonly namespace: string | undefined; readonly name: string } {
  const slash = key.indexOf("/");
  return slash < 0
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** A wall-clock time in milliseconds as Kubernetes writes it: RFC 3339, UTC, whole seconds. */
export function formatTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

/** The owner that controls the object, if one does. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}
