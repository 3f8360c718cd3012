import { formatLabelSelector } from "../../objects/index.ts";
import type { AnyObject } from "../../objects/index.ts";
import type { KindDefinition } from "../define-kind.ts";
import { fieldsOf, itemsOf, mapField, numberOf, textOf, withDefaults } from "../fields.ts";
import type { Fields } from "../fields.ts";
import { labelsOf } from "../pod-spec/validation.ts";
import { orNone } from "../printing/column.ts";
import { age, shown, storedTable, wide } from "./stored-table.ts";

type Details = Omit<KindDefinition<AnyObject>, "resource" | "actedOn">;

/** Kinds that show when they were made instead of how long ago. */
export const createdAt = storedTable([
  shown("Created At", ({ metadata }) => metadata.creationTimestamp ?? "<unknown>"),
]);

/** `autoscaling/v2` and `v1` `HorizontalPodAutoscaler`; targets are unknown, as nothing measures. */
export const autoscalerDetails: Details = {
  shortNames: ["hpa"],
  categories: ["all"],
  subresources: ["status"],
  hasGeneration: false,
  applyDefaults: (object) => mapField(object, "spec", (spec) => withDefaults(fieldsOf(spec), { minReplicas: 1 })),
  ...storedTable([
    shown("Reference", (object) => {
      const { kind, name } = fieldsOf(fieldsOf(object.spec).scaleTargetRef);
      return `${textOf(kind)}/${textOf(name)}`;
    }),
    shown("Targets", (object) => orNone(targets(fieldsOf(object.spec)))),
    shown("MinPods", (object) => String(numberOf(fieldsOf(object.spec).minReplicas))),
    shown("MaxPods", (object) => numberOf(fieldsOf(object.spec).maxReplicas)),
    shown("Replicas", (object) => numberOf(fieldsOf(object.status).currentReplicas)),
    age,
  ]),
};

function targets(spec: Fields): string {
  if (spec.targetCPUUtilizationPercentage !== undefined) {
    return `cpu: <unknown>/${numberOf(spec.targetCPUUtilizationPercentage)}%`;
  }
  const texts = itemsOf(spec.metrics).map((metric) => {
    const { name, target } = fieldsOf(metric.resource);
    const { averageUtilization, averageValue, value } = fieldsOf(target);
    const wanted =
      averageUtilization === undefined ? textOf(averageValue ?? value) : `${numberOf(averageUtilization)}%`;
    return `${textOf(name) === "" ? "" : `${textOf(name)}: `}<unknown>/${wanted === "" ? "<auto>" : wanted}`;
  });
  return texts.join(", ");
}

/** `policy/v1.PodDisruptionBudget`. */
export const disruptionBudgetDetails: Details = {
  shortNames: ["pdb"],
  subresources: ["status"],
  ...storedTable([
    shown("Min Available", (object) => countOr(fieldsOf(object.spec).minAvailable)),
    shown("Max Unavailable", (object) => countOr(fieldsOf(object.spec).maxUnavailable)),
    shown("Allowed Disruptions", (object) => numberOf(fieldsOf(object.status).disruptionsAllowed)),
    age,
  ]),
};

function countOr(value: unknown): string {
  return typeof value === "number" || typeof value === "string" ? String(value) : "N/A";
}

/** `networking.k8s.io/v1.NetworkPolicy`. */
export const networkPolicyDetails: Details = {
  shortNames: ["netpol"],
  hasGeneration: true,
  ...storedTable([
    shown("Pod-Selector", (object) => {
      const { matchLabels } = fieldsOf(fieldsOf(object.spec).podSelector);
      return orNone(formatLabelSelector({ matchLabels: labelsOf(matchLabels) }));
    }),
    age,
  ]),
};

/** `RoleBinding` and `ClusterRoleBinding` of RBAC. */
export const roleBindingDetails: Details = {
  nameRule: "pathSegment",
  ...storedTable([
    shown("Role", (object) => {
      const { kind, name } = fieldsOf(object.roleRef);
      return `${textOf(kind)}/${textOf(name)}`;
    }),
    age,
    wide("Users", (object) => subjects(object, "User")),
    wide("Groups", (object) => subjects(object, "Group")),
    wide("ServiceAccounts", (object) => subjects(object, "ServiceAccount")),
  ]),
};

function subjects(object: AnyObject, kind: string): string {
  const found = itemsOf(object.subjects).filter((subject) => subject.kind === kind);
  const names = found.map(({ name, namespace }) =>
    kind === "ServiceAccount" ? `${textOf(namespace)}/${textOf(name)}` : textOf(name),
  );
  return names.join(", ");
}

/** `scheduling.k8s.io/v1.PriorityClass`. */
export const priorityClassDetails: Details = {
  shortNames: ["pc"],
  hasGeneration: true,
  applyDefaults: (object) => withDefaults(object, { preemptionPolicy: "PreemptLowerPriority" }),
  ...storedTable([
    shown("Value", (object) => numberOf(object.value)),
    shown("Global-Default", (object) => object.globalDefault === true),
    age,
    shown("PreemptionPolicy", (object) => textOf(object.preemptionPolicy)),
  ]),
};
