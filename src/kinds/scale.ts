import { CodedError } from "../core/index.ts";
import { formatLabelSelector } from "../objects/index.ts";
import type { KubeObject } from "../objects/index.ts";
import { fieldsOf, numberOf } from "./fields.ts";
import type { Fields } from "./fields.ts";

/** `autoscaling/v1.Scale`: the replicas of a ReplicationController, ReplicaSet, Deployment or StatefulSet. */
export interface Scale extends KubeObject {
  readonly spec: { readonly replicas?: number };
  readonly status: { readonly replicas: number; readonly selector?: string };
}

/** The object as its `/scale` subresource shows it. */
export function scaleOf(object: KubeObject): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const { spec, status } = { spec: fieldsOf(fieldsOf(object).spec), status: fieldsOf(fieldsOf(object).status) };
  const selector = formatLabelSelector(selectorOf(object.kind, fieldsOf(spec.selector)));
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec: { replicas: numberOf(spec.replicas) },
    status: { replicas: numberOf(status.replicas), ...(selector === "" ? {} : { selector }) },
  };
}

/** The object with another number of replicas. Throws `CodedError` with code `Invalid` for a negative one. */
export function withReplicas<T extends KubeObject>(object: T, replicas: number): T {
  if (!Number.isInteger(replicas) || replicas < 0) {
    const message = `spec.replicas: Invalid value: ${replicas}: must be greater than or equal to 0`;
    throw new CodedError("Invalid", message);
  }
  const spec = fieldsOf(fieldsOf(object).spec);
  return spec.replicas === replicas ? object : { ...object, spec: { ...spec, replicas } };
}

// A ReplicationController's selector is a plain map; the other kinds have a LabelSelector.
function selectorOf(kind: string, selector: Fields): Fields {
  return kind === "ReplicationController" ? { matchLabels: selector } : selector;
}
