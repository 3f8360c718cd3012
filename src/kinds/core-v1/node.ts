import { parseCidr } from "../../core/index.ts";
import { resources } from "../../objects/index.ts";
import type { Node, Taint } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import { withDefaults } from "../fields.ts";
import type { Cell, Kind } from "../kind.ts";
import { ageCell, ageColumn, column, nameColumn, orNone, wideColumn } from "../printing/column.ts";
import { forbidden, invalid } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { labelValueProblems, qualifiedNameProblems } from "../validation/names.ts";
import { isSame, oneOf, problemsAt } from "../validation/values.ts";

/** `v1.Node`. */
export const nodeKind: Kind = defineKind<Node>({
  resource: resources.nodes,
  actedOn: true,
  shortNames: ["no"],
  subresources: ["status"],
  hasGeneration: false,
  columns: [
    nameColumn,
    column("Status", "Whether the node is ready, and whether new pods may go there."),
    column("Roles", "The roles of the node."),
    ageColumn,
    column("Version", "The version that the node's agent reports."),
    wideColumn("Internal-IP", "The node's address inside of the cluster."),
    wideColumn("External-IP", "The node's address from outside."),
    wideColumn("OS-Image", "The operating system that the node reports."),
    wideColumn("Kernel-Version", "The kernel that the node reports."),
    wideColumn("Container-Runtime", "What runs the node's pods."),
  ],
  row,
  selectableFields: ({ spec }) => ({ "spec.unschedulable": String(spec?.unschedulable === true) }),
  applyDefaults: (node) => {
    const capacity = node.status?.capacity;
    const spec = node.spec ?? {};
    const base = node.spec === undefined ? { ...node, spec } : node;
    if (capacity === undefined || node.status?.allocatable !== undefined) return base;
    return { ...base, status: withDefaults(node.status ?? {}, { allocatable: capacity }) };
  },
  // A node registers itself with its status, in one request.
  keepsStatusOnCreate: true,
  validate,
  validateUpdate: (node, old) => {
    const errors = [...validate(node)];
    const before = old.spec?.podCIDRs ?? [];
    if (before.length > 0 && !isSame(node.spec?.podCIDRs ?? [], before)) {
      errors.push(forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'));
    }
    return errors;
  },
});

function row(node: Node, nowMs: number): readonly Cell[] {
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  const state = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  const status = node.spec.unschedulable === true ? `${state},SchedulingDisabled` : state;
  const info = node.status?.nodeInfo ?? {};
  const unknown = (text: string | undefined) => (text === undefined || text === "" ? "<unknown>" : text);
  return [
    node.metadata.name,
    status,
    orNone(roles(node).join(",")),
    ageCell(node, nowMs),
    info.kubeletVersion ?? "",
    addressCell(node, "InternalIP"),
    addressCell(node, "ExternalIP"),
    unknown(info.osImage),
    unknown(info.kernelVersion),
    unknown(info.containerRuntimeVersion),
  ];
}

function roles(node: Node): readonly string[] {
  const prefix = "node-role.kubernetes.io/";
  const found = new Set<string>();
  for (const [label, value] of Object.entries(node.metadata.labels ?? {})) {
    if (label.startsWith(prefix) && label.length > prefix.length) found.add(label.slice(prefix.length));
    if (label === "kubernetes.io/role" && value !== "") found.add(value);
  }
  return [...found].sort();
}

function addressCell(node: Node, type: string): string {
  return orNone(node.status?.addresses?.find((address) => address.type === type)?.address ?? "");
}

function validate({ spec }: Node): readonly FieldError[] {
  const cidrErrors = (spec?.podCIDRs ?? []).flatMap((text, i) =>
    parseCidr(text) === undefined
      ? [invalid(`spec.podCIDRs[${i}]`, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")]
      : [],
  );
  const taintErrors = (spec?.taints ?? []).flatMap(({ key = "", value = "", effect }: Partial<Taint>, i) => {
    const field = `spec.taints[${i}]`;
    return [
      ...problemsAt(`${field}.key`, key, qualifiedNameProblems(key)),
      ...problemsAt(`${field}.value`, value, labelValueProblems(value)),
      ...oneOf(`${field}.effect`, effect, ["NoExecute", "NoSchedule", "PreferNoSchedule"], "required"),
    ];
  });
  return [...cidrErrors, ...taintErrors];
}
