import { resources } from "../../objects/index.ts";
import type { DaemonSet } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import { fieldsOf, mapField, withDefaults } from "../fields.ts";
import type { Fields } from "../fields.ts";
import type { Kind } from "../kind.ts";
import { defaultPodTemplate } from "../pod-spec/defaults.ts";
import { invalid } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { nonNegative } from "../validation/values.ts";
import { validateRollingUpdate } from "./deployment.ts";
import { daemonSetColumns, daemonSetRow } from "./rows.ts";
import { immutable, validateSelectorAndTemplate, validateUpdateStrategyType } from "./template.ts";

/** `apps/v1.DaemonSet`. */
export const daemonSetKind: Kind = defineKind<DaemonSet>({
  resource: resources.daemonSets,
  actedOn: true,
  shortNames: ["ds"],
  categories: ["all"],
  subresources: ["status"],
  columns: daemonSetColumns,
  row: daemonSetRow,
  applyDefaults: (set) => mapField(set, "spec", (spec) => defaultSpec(fieldsOf(spec))),
  validate,
  validateUpdate: (set, old) => [
    ...validate(set),
    ...immutable("spec.selector", set.spec?.selector, old.spec.selector),
  ],
});

function defaultSpec(spec: Fields): Fields {
  const result = withDefaults(spec, { updateStrategy: {}, revisionHistoryLimit: 10 });
  const withStrategy = mapField(result, "updateStrategy", (value) => {
    const strategy = withDefaults(fieldsOf(value), { type: "RollingUpdate" });
    if (strategy.type !== "RollingUpdate") return strategy;
    const rollingUpdate = withDefaults(fieldsOf(strategy.rollingUpdate), { maxUnavailable: 1, maxSurge: 0 });
    return rollingUpdate === strategy.rollingUpdate ? strategy : { ...strategy, rollingUpdate };
  });
  return mapField(withStrategy, "template", defaultPodTemplate);
}

function validate(set: DaemonSet): readonly FieldError[] {
  const spec = fieldsOf(set.spec);
  const strategy = fieldsOf(spec.updateStrategy);
  const path = "spec.updateStrategy.rollingUpdate";
  const rolling =
    strategy.type === "RollingUpdate" ? validateRollingUpdate(fieldsOf(strategy.rollingUpdate), path) : [];
  const { maxSurge, maxUnavailable } = fieldsOf(strategy.rollingUpdate);
  const both = [maxSurge, maxUnavailable].every((count) => count !== 0 && count !== "0%" && count !== undefined);
  return [
    ...validateSelectorAndTemplate(set.spec?.selector, set.spec?.template, "daemonset"),
    ...validateUpdateStrategyType(strategy.type),
    ...rolling,
    ...(both ? [invalid(`${path}.maxSurge`, maxSurge, "may not be set when maxUnavailable is non-zero")] : []),
    ...nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...nonNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit),
  ];
}
