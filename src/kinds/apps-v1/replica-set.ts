import { resources } from "../../objects/index.ts";
import type { ReplicaSet } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import { fieldsOf, mapField, withDefaults } from "../fields.ts";
import type { Kind } from "../kind.ts";
import { defaultPodTemplate } from "../pod-spec/defaults.ts";
import type { FieldError } from "../validation/field-error.ts";
import { nonNegative } from "../validation/values.ts";
import { replicaColumns, replicaSetRow } from "./rows.ts";
import { immutable, validateSelectorAndTemplate } from "./template.ts";

/** `apps/v1.ReplicaSet`. */
export const replicaSetKind: Kind = defineKind<ReplicaSet>({
  resource: resources.replicaSets,
  actedOn: true,
  shortNames: ["rs"],
  categories: ["all"],
  subresources: ["status", "scale"],
  columns: replicaColumns,
  row: replicaSetRow,
  selectableFields: ({ status }) => ({ "status.replicas": String(status?.replicas ?? 0) }),
  applyDefaults: (set) =>
    mapField(set, "spec", (spec) =>
      mapField(withDefaults(fieldsOf(spec), { replicas: 1 }), "template", defaultPodTemplate),
    ),
  validate,
  validateUpdate: (set, old) => [
    ...validate(set),
    ...immutable("spec.selector", set.spec?.selector, old.spec.selector),
  ],
});

function validate(set: ReplicaSet): readonly FieldError[] {
  const spec = fieldsOf(set.spec);
  return [
    ...nonNegative("spec.replicas", spec.replicas),
    ...nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...validateSelectorAndTemplate(set.spec?.selector, set.spec?.template, "deployment"),
  ];
}
