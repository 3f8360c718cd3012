import { resources } from "../../objects/index.ts";
import type { KubeObject, Namespace } from "../../objects/index.ts";
import { forbidden } from "../errors.ts";
import type { KindRules } from "./kind-rules.ts";

const nameLabel = "kubernetes.io/metadata.name";
const immortal: readonly string[] = ["default", "kube-system", "kube-public"];

/** A namespace lives until its content is gone: who empties it then removes `kubernetes` from `spec.finalizers`. */
export const namespaceRules: KindRules = {
  onCreate: (object) => ({
    object: {
      ...labelled(object),
      ...asNamespace({ spec: { finalizers: ["kubernetes"] }, status: { phase: "Active" } }),
    },
    sideWrites: [],
  }),
  onUpdate: (object, old, wanted, subresource) => {
    const { metadata, status } = asNamespace(old);
    const finalizes =
      subresource === "finalize" || (subresource === "status" && metadata.deletionTimestamp !== undefined);
    const spec = asNamespace(finalizes ? wanted : old).spec;
    const phase = metadata.deletionTimestamp === undefined ? status?.phase : "Terminating";
    const now = asNamespace(object);
    const kept: Namespace = {
      ...labelled(object),
      ...(spec === undefined ? {} : { spec }),
      status: { ...now.status, phase: phase ?? "Active" },
    };
    return { object: kept, sideWrites: [] };
  },
  holdsDeletion: (object) => (asNamespace(object).spec?.finalizers ?? []).length > 0,
  onDeletionStart: (object) => {
    const namespace: Namespace = { ...object, status: { ...asNamespace(object).status, phase: "Terminating" } };
    return namespace;
  },
  checkDelete: ({ metadata }) => {
    if (!immortal.includes(metadata.name)) return;
    throw forbidden(resources.namespaces, metadata.name, "this namespace may not be deleted");
  },
};

function labelled(object: KubeObject): KubeObject {
  const { metadata } = object;
  if (metadata.labels?.[nameLabel] === metadata.name) return object;
  return { ...object, metadata: { ...metadata, labels: { ...metadata.labels, [nameLabel]: metadata.name } } };
}

function asNamespace<T extends object>(object: T): T & Pick<Namespace, "spec" | "status"> {
  return object;
}
