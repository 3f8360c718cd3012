import type { KubeObject } from "../objects/index.ts";
import { fieldsOf, without } from "./fields.ts";

/** A new object has no status yet: only controllers write it. */
export function withoutStatus<T extends KubeObject>(object: T): T {
  return without(object, "status");
}

/** An update of the object itself does not touch its status. */
export function keepStatus<T extends KubeObject>(object: T, old: T): T {
  const { status } = fieldsOf(old);
  return status === undefined ? withoutStatus(object) : { ...object, status };
}

/** An update of the status touches nothing else, except annotations and finalizers. */
export function withStatusOf<T extends KubeObject>(object: T, old: T): T {
  const { status } = fieldsOf(object);
  const { annotations, finalizers, resourceVersion, managedFields } = object.metadata;
  const metadata = {
    ...without(old.metadata, "annotations", "finalizers"),
    ...(annotations === undefined ? {} : { annotations }),
    ...(finalizers === undefined ? {} : { finalizers }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(managedFields === undefined ? {} : { managedFields }),
  };
  return { ...without(old, "status"), metadata, ...(status === undefined ? {} : { status }) };
}
