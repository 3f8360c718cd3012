import { resources } from "../../objects/index.ts";
import type { StatefulSet } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import { fieldsOf, mapField, mapItems, withDefaults, without } from "../fields.ts";
import type { Fields } from "../fields.ts";
import type { Kind } from "../kind.ts";
import { defaultPodTemplate } from "../pod-spec/defaults.ts";
import { forbidden, invalid } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { countOrPercent, isSame, nonNegative, oneOf } from "../validation/values.ts";
import { statefulSetColumns, statefulSetRow } from "./rows.ts";
import { claimNames, validateSelectorAndTemplate, validateUpdateStrategyType } from "./template.ts";

/** `apps/v1.StatefulSet`. */
export const statefulSetKind: Kind = defineKind<StatefulSet>({
  resource: resources.statefulSets,
  actedOn: true,
  shortNames: ["sts"],
  categories: ["all"],
  subresources: ["status", "scale"],
  columns: statefulSetColumns,
  row: statefulSetRow,
  applyDefaults: (set) => mapField(set, "spec", (spec) => defaultSpec(fieldsOf(spec))),
  validate,
  validateUpdate: (set, old) => {
    if (isSame(immutablePart(set), immutablePart(old))) return validate(set);
    const detail =
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', " +
      "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
    return [...validate(set), forbidden("spec", detail)];
  },
});

function defaultSpec(spec: Fields): Fields {
  const result = withDefaults(spec, {
    podManagementPolicy: "OrderedReady",
    updateStrategy: {},
    replicas: 1,
    revisionHistoryLimit: 10,
    persistentVolumeClaimRetentionPolicy: {},
  });
  const withRetention = mapField(result, "persistentVolumeClaimRetentionPolicy", (policy) =>
    withDefaults(fieldsOf(policy), { whenDeleted: "Retain", whenScaled: "Retain" }),
  );
  const withStrategy = mapField(withRetention, "updateStrategy", (value) => {
    const strategy = withDefaults(fieldsOf(value), { type: "RollingUpdate" });
    if (strategy.type !== "RollingUpdate") return strategy;
    const rollingUpdate = withDefaults(fieldsOf(strategy.rollingUpdate), { partition: 0 });
    return rollingUpdate === strategy.rollingUpdate ? strategy : { ...strategy, rollingUpdate };
  });
  const withClaims = mapItems(withStrategy, "volumeClaimTemplates", (claim) => {
    const named = withDefaults(claim, {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      status: { phase: "Pending" },
    });
    return mapField(named, "spec", (value) => withDefaults(fieldsOf(value), { volumeMode: "Filesystem" }));
  });
  return mapField(withClaims, "template", defaultPodTemplate);
}

function validate(set: StatefulSet): readonly FieldError[] {
  const spec = fieldsOf(set.spec);
  const strategy = fieldsOf(spec.updateStrategy);
  const rolling = fieldsOf(strategy.rollingUpdate);
  const errors: FieldError[] = [];
  if (strategy.type === "OnDelete" && strategy.rollingUpdate !== undefined) {
    errors.push(
      invalid("spec.updateStrategy.rollingUpdate", rolling, "only allowed for updateStrategy 'RollingUpdate'"),
    );
  }
  return [
    ...oneOf("spec.podManagementPolicy", spec.podManagementPolicy, ["OrderedReady", "Parallel"], "required"),
    ...validateUpdateStrategyType(strategy.type),
    ...errors,
    ...nonNegative("spec.updateStrategy.rollingUpdate.partition", rolling.partition),
    ...countOrPercent("spec.updateStrategy.rollingUpdate.maxUnavailable", rolling.maxUnavailable),
    ...nonNegative("spec.replicas", spec.replicas),
    ...nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...nonNegative("spec.ordinals.start", fieldsOf(spec.ordinals).start),
    ...validateSelectorAndTemplate(set.spec?.selector, set.spec?.template, "statefulset", claimNames(spec)),
  ];
}

function immutablePart(set: StatefulSet): Fields {
  return without(
    fieldsOf(set.spec),
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
  );
}
