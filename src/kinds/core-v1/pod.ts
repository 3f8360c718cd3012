import { resources } from "../../objects/index.ts";
import type { Pod } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import { asFields, fieldsOf, itemsOf, textOf, withDefaults, without } from "../fields.ts";
import type { Fields } from "../fields.ts";
import type { Kind } from "../kind.ts";
import { defaultPodSpec, qosClass, requestsFromLimits } from "../pod-spec/defaults.ts";
import { validatePodSpec } from "../pod-spec/validation.ts";
import { forbidden, invalid } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { isSame } from "../validation/values.ts";
import { podColumns, podRow } from "./pod-row.ts";

/** `v1.Pod`. Its image, node (once) and a few other fields may change, nothing else. */
export const podKind: Kind = defineKind<Pod>({
  resource: resources.pods,
  actedOn: true,
  shortNames: ["po"],
  categories: ["all"],
  subresources: ["status"],
  columns: podColumns,
  row: podRow,
  selectableFields,
  applyDefaults: (pod) =>
    mapSpec(pod, (spec) => requestsFromLimits(withDefaults(defaultPodSpec(spec), { enableServiceLinks: true }))),
  prepareForCreate: (pod) => {
    const admitted = mapSpec(pod, admit);
    const status = { phase: "Pending" as const, qosClass: qosClass(asFields(admitted.spec ?? {})) };
    return { ...admitted, status };
  },
  validate: (pod) => validatePodSpec(asFields(pod.spec ?? {}), "spec"),
  validateUpdate,
});

function mapSpec(pod: Pod, change: (spec: Fields) => Fields): Pod {
  const { spec } = asFields(pod);
  const changed = change(fieldsOf(spec));
  return changed === spec ? pod : Object.assign({}, pod, { spec: changed });
}

/** What upstream's admission plugins add to every new pod: account, priority, patience with lost nodes. */
function admit(spec: Fields): Fields {
  const lost = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
  const tolerations = itemsOf(spec.tolerations);
  const added = lost
    .filter((key) => !tolerations.some((toleration) => tolerates(toleration, key)))
    .map((key) => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 }));
  const account = textOf(spec.serviceAccountName) === "" ? "default" : spec.serviceAccountName;
  const result = withDefaults(
    without(spec, ...(account === spec.serviceAccountName ? [] : ["serviceAccountName", "serviceAccount"])),
    {
      serviceAccountName: account,
      serviceAccount: account,
      priority: 0,
      preemptionPolicy: "PreemptLowerPriority",
    },
  );
  return added.length === 0 ? result : { ...result, tolerations: [...tolerations, ...added] };
}

function tolerates(toleration: Fields, key: string): boolean {
  const effect = toleration.effect === undefined || toleration.effect === "" || toleration.effect === "NoExecute";
  return effect && (toleration.key === key || textOf(toleration.key) === "");
}

function selectableFields(pod: Pod): Readonly<Record<string, string>> {
  const spec = asFields(pod.spec ?? {});
  const status = fieldsOf(pod.status);
  return {
    "spec.nodeName": textOf(spec.nodeName),
    "spec.restartPolicy": textOf(spec.restartPolicy),
    "spec.schedulerName": textOf(spec.schedulerName),
    "spec.serviceAccountName": textOf(spec.serviceAccountName),
    "spec.hostNetwork": String(spec.hostNetwork === true),
    "status.phase": textOf(status.phase),
    "status.podIP": textOf(status.podIP),
    "status.nominatedNodeName": textOf(status.nominatedNodeName),
  };
}

const mutable = [
  "nodeName",
  "activeDeadlineSeconds",
  "tolerations",
  "terminationGracePeriodSeconds",
  "schedulingGates",
];

function validateUpdate(pod: Pod, old: Pod): readonly FieldError[] {
  const spec = asFields(pod.spec ?? {});
  const before = asFields(old.spec);
  const errors = [...validatePodSpec(spec, "spec")];
  if (!isSame(comparable(spec), comparable(before))) {
    const detail =
      "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
      "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
      "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
    errors.push(forbidden("spec", detail));
  }
  // Upstream binds a pod through a subresource of its own; here the scheduler sets the node once.
  if (before.nodeName !== undefined && before.nodeName !== spec.nodeName) {
    errors.push(invalid("spec.nodeName", textOf(spec.nodeName), "field is immutable"));
  }
  if (before.terminationGracePeriodSeconds !== spec.terminationGracePeriodSeconds) {
    errors.push(forbidden("spec.terminationGracePeriodSeconds", "pod updates may not change it"));
  }
  const tolerations = itemsOf(spec.tolerations);
  if (itemsOf(before.tolerations).some((toleration) => !tolerations.some((other) => isSame(other, toleration)))) {
    errors.push(forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds"));
  }
  return errors;
}

function comparable(spec: Fields): Fields {
  const images = (list: unknown) => itemsOf(list).map((container) => without(container, "image"));
  return {
    ...without(spec, ...mutable),
    containers: images(spec.containers),
    initContainers: images(spec.initContainers),
  };
}
