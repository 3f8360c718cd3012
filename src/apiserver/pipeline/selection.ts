import { hasCode } from "../../core/index.ts";
import {
  matchesFieldRequirements,
  matchesLabelRequirements,
  parseFieldSelector,
  parseLabelSelector,
} from "../../objects/index.ts";
import type { FieldRequirement, KubeObject, LabelRequirement } from "../../objects/index.ts";
import type { Kind } from "../../kinds/index.ts";
import { badRequest } from "../errors.ts";
import { storageOf } from "./storage.ts";

/** Selectors in kubectl's text form. */
export interface Selection {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

const always: readonly string[] = ["metadata.name", "metadata.namespace"];

/** The test of stored objects that selectors stand for; undefined when everything is selected. Throws `ApiError` for bad selectors. */
export function selector(kind: Kind, selection: Selection): ((object: KubeObject) => boolean) | undefined {
  const labels = labelRequirements(selection.labelSelector ?? "");
  const fields = fieldRequirements(selection.fieldSelector ?? "");
  if (labels.length === 0 && fields.length === 0) return undefined;
  for (const { field } of fields) checkField(kind, field);
  const { fromStored } = storageOf(kind);
  const ownFields = fields.some(({ field }) => !always.includes(field));
  return (object) => {
    const { name, namespace = "", labels: present } = object.metadata;
    if (!matchesLabelRequirements(labels, present)) return false;
    if (fields.length === 0) return true;
    const own = ownFields ? kind.selectableFields(fromStored(object)) : {};
    return matchesFieldRequirements(fields, { ...own, "metadata.name": name, "metadata.namespace": namespace });
  };
}

function labelRequirements(text: string): readonly LabelRequirement[] {
  return parsed(() => parseLabelSelector(text), "unable to parse requirement");
}

function fieldRequirements(text: string): readonly FieldRequirement[] {
  return parsed(() => parseFieldSelector(text), "unable to parse requirement");
}

function parsed<T>(parse: () => T, what: string): T {
  try {
    return parse();
  } catch (error) {
    if (hasCode(error, "InvalidSelector")) throw badRequest(`${what}: ${error.message}`);
    throw error;
  }
}

// Which fields a kind has shows in those of an empty object: every kind names its fields whatever the object holds.
function checkField(kind: Kind, field: string): void {
  if (always.includes(field)) return;
  const probe = { apiVersion: "", kind: "", metadata: { name: "" }, spec: {}, status: {}, involvedObject: {} };
  if (Object.hasOwn(kind.selectableFields(probe), field)) return;
  const { group, version, plural } = kind.resource;
  const reference = `${group === "" ? version : `${group}/${version}`}, Resource=${plural}`;
  throw badRequest(
    `Unable to find ${JSON.stringify(reference)} by field selector: field label not supported: ${field}`,
  );
}
