import { resources } from "../../objects/index.ts";
import type { Deployment } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import { fieldsOf, mapField, numberOf, withDefaults } from "../fields.ts";
import type { Fields } from "../fields.ts";
import type { Kind } from "../kind.ts";
import { defaultPodTemplate } from "../pod-spec/defaults.ts";
import { forbidden, invalid } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { countOrPercent, nonNegative, oneOf } from "../validation/values.ts";
import { deploymentColumns, deploymentRow } from "./rows.ts";
import { immutable, validateSelectorAndTemplate } from "./template.ts";

/** `apps/v1.Deployment`. */
export const deploymentKind: Kind = defineKind<Deployment>({
  resource: resources.deployments,
  actedOn: true,
  shortNames: ["deploy"],
  categories: ["all"],
  subresources: ["status", "scale"],
  columns: deploymentColumns,
  row: deploymentRow,
  applyDefaults: (deployment) => mapField(deployment, "spec", (spec) => defaultSpec(fieldsOf(spec))),
  validate,
  validateUpdate: (deployment, old) => [
    ...validate(deployment),
    ...immutable("spec.selector", deployment.spec?.selector, old.spec.selector),
  ],
});

function defaultSpec(spec: Fields): Fields {
  const result = withDefaults(spec, {
    replicas: 1,
    strategy: {},
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
  });
  return mapField(mapField(result, "strategy", defaultStrategy), "template", defaultPodTemplate);
}

function defaultStrategy(value: unknown): Fields {
  const strategy = withDefaults(fieldsOf(value), { type: "RollingUpdate" });
  if (strategy.type !== "RollingUpdate") return strategy;
  const rollingUpdate = withDefaults(fieldsOf(strategy.rollingUpdate), { maxUnavailable: "25%", maxSurge: "25%" });
  return rollingUpdate === strategy.rollingUpdate ? strategy : { ...strategy, rollingUpdate };
}

function validate(deployment: Deployment): readonly FieldError[] {
  const spec = fieldsOf(deployment.spec);
  const progress = spec.progressDeadlineSeconds;
  const errors: FieldError[] = [];
  if (typeof progress === "number" && progress <= numberOf(spec.minReadySeconds)) {
    errors.push(invalid("spec.progressDeadlineSeconds", progress, "must be greater than minReadySeconds"));
  }
  return [
    ...nonNegative("spec.replicas", spec.replicas),
    ...validateSelectorAndTemplate(deployment.spec?.selector, deployment.spec?.template, "deployment"),
    ...validateStrategy(fieldsOf(spec.strategy)),
    ...nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...nonNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit),
    ...nonNegative("spec.progressDeadlineSeconds", progress),
    ...errors,
  ];
}

function validateStrategy(strategy: Fields): readonly FieldError[] {
  const errors = [...oneOf("spec.strategy.type", strategy.type, ["Recreate", "RollingUpdate"])];
  if (strategy.type === "Recreate" && strategy.rollingUpdate !== undefined) {
    const detail = "may not be specified when strategy `type` is 'Recreate'";
    errors.push(forbidden("spec.strategy.rollingUpdate", detail));
  }
  if (strategy.type !== "RollingUpdate") return errors;
  return [...errors, ...validateRollingUpdate(fieldsOf(strategy.rollingUpdate), "spec.strategy.rollingUpdate")];
}

/** What is wrong with how many pods may be missing or surplus during an update. */
export function validateRollingUpdate({ maxUnavailable, maxSurge }: Fields, path: string): readonly FieldError[] {
  const errors = [
    ...countOrPercent(`${path}.maxUnavailable`, maxUnavailable),
    ...countOrPercent(`${path}.maxSurge`, maxSurge),
  ];
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(invalid(`${path}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0"));
  }
  if (
    typeof maxUnavailable === "string" &&
    /^[0-9]+%$/.test(maxUnavailable) &&
    Number.parseInt(maxUnavailable, 10) > 100
  ) {
    errors.push(invalid(`${path}.maxUnavailable`, maxUnavailable, "must not be greater than 100%"));
  }
  return errors;
}

function isZero(value: unknown): boolean {
  return value === 0 || value === "0%";
}
