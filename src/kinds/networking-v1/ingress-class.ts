import { resources } from "../../objects/index.ts";
import type { IngressClass } from "../../objects/index.ts";
import { immutable } from "../apps-v1/template.ts";
import { defineKind } from "../define-kind.ts";
import { fieldsOf, mapField, textOf, withDefaults } from "../fields.ts";
import type { Kind } from "../kind.ts";
import { ageCell, ageColumn, column, nameColumn, orNone } from "../printing/column.ts";
import { forbidden, invalid, required, tooLong } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { dnsSubdomainProblems } from "../validation/names.ts";
import { nonEmpty, oneOf } from "../validation/values.ts";

/** `networking.k8s.io/v1.IngressClass`. */
export const ingressClassKind: Kind = defineKind<IngressClass>({
  resource: resources.ingressClasses,
  actedOn: true,
  hasGeneration: true,
  columns: [
    nameColumn,
    column("Controller", "The controller that carries Ingresses of this class."),
    column("Parameters", "Parameters of the controller for this class."),
    ageColumn,
  ],
  row: (object, nowMs) => {
    const { apiGroup, kind, name } = fieldsOf(object.spec?.parameters);
    const group = textOf(apiGroup) === "" ? "" : `.${textOf(apiGroup)}`;
    const parameters = textOf(name) === "" ? "" : `${textOf(kind)}${group}/${textOf(name)}`;
    return [object.metadata.name, object.spec?.controller ?? "", orNone(parameters), ageCell(object, nowMs)];
  },
  applyDefaults: (object) =>
    mapField(object, "spec", (spec) =>
      mapField(fieldsOf(spec), "parameters", (value) => withDefaults(fieldsOf(value), { scope: "Cluster" })),
    ),
  validate,
  validateUpdate: (object, old) => [
    ...validate(object),
    ...immutable("spec.controller", object.spec?.controller, old.spec?.controller),
  ],
});

function validate({ spec }: IngressClass): readonly FieldError[] {
  return [...controllerErrors(spec?.controller ?? ""), ...parameterErrors(spec?.parameters)];
}

function controllerErrors(controller: string): readonly FieldError[] {
  if (controller === "") return [required("spec.controller")];
  const slash = controller.indexOf("/");
  const errors = controller.length > 250 ? [tooLong("spec.controller", 250)] : [];
  if (slash <= 0 || slash === controller.length - 1 || dnsSubdomainProblems(controller.slice(0, slash)).length > 0) {
    return [
      ...errors,
      invalid("spec.controller", controller, 'must be a domain-prefixed path (such as "acme.io/foo")'),
    ];
  }
  return errors;
}

function parameterErrors(value: unknown): readonly FieldError[] {
  if (value === undefined) return [];
  const { kind, name, scope, namespace } = fieldsOf(value);
  const path = "spec.parameters";
  const errors = [
    ...nonEmpty(`${path}.kind`, kind),
    ...nonEmpty(`${path}.name`, name),
    ...oneOf(`${path}.scope`, scope, ["Cluster", "Namespace"], "required"),
  ];
  if (scope === "Namespace" && textOf(namespace) === "") {
    errors.push(required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"));
  }
  if (scope === "Cluster" && namespace !== undefined) {
    errors.push(forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  }
  return errors;
}
