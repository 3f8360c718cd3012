import { matchesLabels, resources } from "../../objects/index.ts";
import type { ReplicationController } from "../../objects/index.ts";
import { formatLabels, replicaColumns, templateCells } from "../apps-v1/rows.ts";
import { validateTemplate } from "../apps-v1/template.ts";
import { defineKind } from "../define-kind.ts";
import { fieldsOf, mapField, withDefaults } from "../fields.ts";
import type { Kind } from "../kind.ts";
import { defaultPodTemplate } from "../pod-spec/defaults.ts";
import { labelsOf } from "../pod-spec/validation.ts";
import { ageCell } from "../printing/column.ts";
import { invalid, required } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { validateLabels } from "../validation/metadata.ts";
import { nonNegative } from "../validation/values.ts";

/** `v1.ReplicationController`: the labels of its template stand in for a missing selector and missing labels. */
export const replicationControllerKind: Kind = defineKind<ReplicationController>({
  resource: resources.replicationControllers,
  actedOn: true,
  shortNames: ["rc"],
  categories: ["all"],
  subresources: ["status", "scale"],
  columns: replicaColumns,
  row: (controller, nowMs) => {
    const { spec, status } = controller;
    return [
      controller.metadata.name,
      spec.replicas ?? 0,
      status?.replicas ?? 0,
      status?.readyReplicas ?? 0,
      ageCell(controller, nowMs),
      ...templateCells(spec.template),
      formatLabels(spec.selector),
    ];
  },
  selectableFields: ({ status }) => ({ "status.replicas": String(status?.replicas ?? 0) }),
  applyDefaults,
  validate,
});

function applyDefaults(controller: ReplicationController): ReplicationController {
  const labels = labelsOf(fieldsOf(fieldsOf(fieldsOf(controller.spec).template).metadata).labels);
  const hasLabels = Object.keys(labels).length > 0;
  const withSpec = mapField(controller, "spec", (value) => {
    const spec = withDefaults(fieldsOf(value), { replicas: 1, ...(hasLabels ? { selector: labels } : {}) });
    return mapField(spec, "template", defaultPodTemplate);
  });
  const own = Object.keys(withSpec.metadata.labels ?? {}).length;
  return own === 0 && hasLabels ? { ...withSpec, metadata: { ...withSpec.metadata, labels } } : withSpec;
}

function validate(controller: ReplicationController): readonly FieldError[] {
  const { replicas, selector = {}, template, minReadySeconds } = controller.spec ?? {};
  const errors = [
    ...nonNegative("spec.replicas", replicas),
    ...nonNegative("spec.minReadySeconds", minReadySeconds),
    ...validateLabels(selector, "spec.selector"),
  ];
  if (Object.keys(selector).length === 0) errors.push(required("spec.selector"));
  if (template === undefined) return [...errors, required("spec.template")];
  const labels = template.metadata?.labels ?? {};
  if (!matchesLabels(selector, labels)) {
    const detail = "`selector` does not match template `labels`";
    errors.push(invalid("spec.template.metadata.labels", labels, detail));
  }
  return [...errors, ...validateTemplate(template)];
}
