import { decodeObject, findKindByName, storedForm } from "../../kinds/index.ts";
import type { Kind } from "../../kinds/index.ts";
import type { KubeObject } from "../../objects/index.ts";
import { badRequest } from "../errors.ts";

/** Where the objects of a kind lie in the store, and in which form. */
export interface Storage {
  readonly table: string;
  /** The kind as stored: another version of the same kind where two are served, else the kind itself. */
  readonly kind: Kind;
  /** The form that is stored. Throws `ApiError` 400 when the object does not fit into it. */
  readonly toStored: (object: KubeObject) => KubeObject;
  /** The form that is served. */
  readonly fromStored: (object: KubeObject) => KubeObject;
}

const known = new Map<Kind, Storage>();

/** The storage of a kind. Kinds that serve the same objects share a table. */
export function storageOf(kind: Kind): Storage {
  const found = known.get(kind);
  if (found !== undefined) return found;
  const storage = makeStorage(kind);
  known.set(kind, storage);
  return storage;
}

function makeStorage(kind: Kind): Storage {
  const form = storedForm(kind);
  const keeper = form === undefined ? undefined : findKindByName(form.apiVersion, kind.resource.kind);
  if (form === undefined || keeper === undefined) {
    return { table: tableName(kind), kind, toStored: same, fromStored: same };
  }
  return {
    table: tableName(keeper),
    kind: keeper,
    toStored: (object) => {
      // What comes out of annotations has been checked by nobody yet.
      const decoded = decodeObject(keeper, form.toStored(object));
      if (decoded.kind === "failed") throw badRequest(decoded.message);
      return decoded.object;
    },
    fromStored: form.fromStored,
  };
}

function same(object: KubeObject): KubeObject {
  return object;
}

function tableName({ resource: { group, plural } }: Kind): string {
  return group === "" ? plural : `${plural}.${group}`;
}
