import { controllerOf, resources } from "../../objects/index.ts";
import type { ControllerRevision } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import type { Kind } from "../kind.ts";
import { ageCell, ageColumn, column, nameColumn } from "../printing/column.ts";
import { immutable } from "./template.ts";
import { nonNegative } from "../validation/values.ts";

/** `apps/v1.ControllerRevision`. */
export const controllerRevisionKind: Kind = defineKind<ControllerRevision>({
  resource: resources.controllerRevisions,
  actedOn: true,
  columns: [
    nameColumn,
    column("Controller", "Controller of the object."),
    column("Revision", "Revision of the object.", "integer"),
    ageColumn,
  ],
  row: (revision, nowMs) => {
    const owner = controllerOf(revision);
    const group = owner?.apiVersion.includes("/") === true ? `.${owner.apiVersion.split("/")[0] ?? ""}` : "";
    const controller = owner === undefined ? "<none>" : `${owner.kind.toLowerCase()}${group}/${owner.name}`;
    return [revision.metadata.name, controller, revision.revision, ageCell(revision, nowMs)];
  },
  validate: (revision) => nonNegative("revision", revision.revision),
  validateUpdate: (revision, old) => [
    ...nonNegative("revision", revision.revision),
    ...immutable("data", revision.data, old.data),
  ],
});
