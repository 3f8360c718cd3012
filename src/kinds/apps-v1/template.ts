import { matchesSelector } from "../../objects/index.ts";
import type { LabelSelector, PodTemplate } from "../../objects/index.ts";
import { asFields, fieldsOf, itemsOf } from "../fields.ts";
import { labelsOf, validatePodSpec } from "../pod-spec/validation.ts";
import { forbidden, invalid, notSupported, required } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { validateAnnotations, validateLabels } from "../validation/metadata.ts";
import { labelValueProblems, qualifiedNameProblems } from "../validation/names.ts";
import { isSame, oneOf, problemsAt } from "../validation/values.ts";

/** What is wrong with a `LabelSelector` at `field`. */
export function validateSelector(selector: LabelSelector, field: string): readonly FieldError[] {
  return [
    ...validateLabels(selector.matchLabels, `${field}.matchLabels`),
    ...(selector.matchExpressions ?? []).flatMap((expression, i) => {
      const path = `${field}.matchExpressions[${i}]`;
      const values = expression.values ?? [];
      const errors: FieldError[] = [];
      const needsValues = expression.operator === "In" || expression.operator === "NotIn";
      if (needsValues && values.length === 0) {
        errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
      if (!needsValues && values.length > 0) {
        errors.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
      const operators = ["In", "NotIn", "Exists", "DoesNotExist"];
      if (!operators.includes(expression.operator)) {
        errors.push(invalid(`${path}.operator`, expression.operator ?? "", "not a valid selector operator"));
      }
      return [
        ...errors,
        ...problemsAt(`${path}.key`, expression.key ?? "", qualifiedNameProblems(expression.key ?? "")),
        ...values.flatMap((value, j) => problemsAt(`${path}.values[${j}]`, value, labelValueProblems(value))),
      ];
    }),
  ];
}

/** What is wrong with the selector of a workload and with its match to the template. `what` is the kind in messages. */
export function validateSelectorAndTemplate(
  selector: LabelSelector | undefined,
  template: PodTemplate | undefined,
  what: string,
  moreVolumes: readonly string[] = [],
): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (selector === undefined) errors.push(required("spec.selector"));
  else {
    errors.push(...validateSelector(selector, "spec.selector"));
    if (isEmpty(selector)) {
      errors.push(invalid("spec.selector", selector, `empty selector is invalid for ${what}`));
    }
  }
  if (template === undefined) return [...errors, required("spec.template")];
  const labels = labelsOf(fieldsOf(template.metadata).labels);
  if (selector !== undefined && !isEmpty(selector) && !matchesSelector(selector, labels)) {
    const detail = "`selector` does not match template `labels`";
    errors.push(invalid("spec.template.metadata.labels", labels, detail));
  }
  return [...errors, ...validateTemplate(template, moreVolumes)];
}

/** What is wrong with the template of a workload whose pods always restart. */
export function validateTemplate(template: PodTemplate, moreVolumes: readonly string[] = []): readonly FieldError[] {
  const spec = asFields(template.spec ?? {});
  const restart = "spec.template.spec.restartPolicy";
  return [
    ...validateLabels(template.metadata?.labels, "spec.template.metadata.labels"),
    ...validateAnnotations(template.metadata?.annotations, "spec.template.metadata.annotations"),
    ...validatePodSpec(spec, "spec.template.spec", moreVolumes),
    ...(spec.restartPolicy === "OnFailure" || spec.restartPolicy === "Never"
      ? [notSupported(restart, spec.restartPolicy, ["Always"])]
      : []),
    ...(spec.activeDeadlineSeconds === undefined
      ? []
      : [
          forbidden("spec.template.spec.activeDeadlineSeconds", "activeDeadlineSeconds in ReplicaSet is not Supported"),
        ]),
  ];
}

/** A field that an update may not change. */
export function immutable(field: string, value: unknown, old: unknown): readonly FieldError[] {
  return isSame(value, old) ? [] : [invalid(field, value ?? null, "field is immutable")];
}

/** One of the two update strategies of StatefulSet and DaemonSet. */
export function validateUpdateStrategyType(type: unknown): readonly FieldError[] {
  return oneOf("spec.updateStrategy.type", type, ["RollingUpdate", "OnDelete"], "required");
}

/** The names of a StatefulSet's claim templates, which its pods mount like volumes. */
export function claimNames(spec: object): readonly string[] {
  return itemsOf(asFields(spec).volumeClaimTemplates).flatMap((claim) => {
    const { name } = fieldsOf(claim.metadata);
    return typeof name === "string" ? [name] : [];
  });
}

function isEmpty(selector: LabelSelector): boolean {
  const labels = Object.keys(selector.matchLabels ?? {}).length;
  return labels + (selector.matchExpressions ?? []).length === 0;
}
