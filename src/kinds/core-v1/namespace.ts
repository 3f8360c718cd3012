import { resources } from "../../objects/index.ts";
import type { Namespace } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import type { Kind } from "../kind.ts";
import { ageCell, ageColumn, column, nameColumn } from "../printing/column.ts";

/** Carried by every namespace, so that selectors can name it. */
const nameLabel = "kubernetes.io/metadata.name";

/** `v1.Namespace`: it is Active with the finalizer `kubernetes` in its spec until it has been emptied. */
export const namespaceKind: Kind = defineKind<Namespace>({
  resource: resources.namespaces,
  actedOn: true,
  nameRule: "label",
  shortNames: ["ns"],
  subresources: ["status"],
  hasGeneration: false,
  columns: [nameColumn, column("Status", "Whether the namespace is in use or going away."), ageColumn],
  row: (namespace, nowMs) => [namespace.metadata.name, namespace.status?.phase ?? "", ageCell(namespace, nowMs)],
  selectableFields: ({ status }) => ({ "status.phase": status?.phase ?? "" }),
  applyDefaults: (namespace) => {
    const { metadata } = namespace;
    if (metadata.name === "" || metadata.labels?.[nameLabel] === metadata.name) return namespace;
    return { ...namespace, metadata: { ...metadata, labels: { ...metadata.labels, [nameLabel]: metadata.name } } };
  },
  prepareForCreate: (namespace) => {
    const finalizers = namespace.spec?.finalizers ?? [];
    const all = finalizers.includes("kubernetes") ? finalizers : [...finalizers, "kubernetes"];
    return { ...namespace, spec: { ...namespace.spec, finalizers: all }, status: { phase: "Active" } };
  },
  // Finalizers in the spec are removed through a subresource of their own (`/finalize`), never by an update.
  prepareForUpdate: (namespace, old) => ({ ...namespace, ...(old.spec === undefined ? {} : { spec: old.spec }) }),
});
