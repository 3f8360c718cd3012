import type { KubeObject, Resource } from "../objects/index.ts";
import type { FieldError } from "./validation/field-error.ts";

/** A column of `kubectl get`. Columns of priority 1 are shown with `-o wide` only. */
export interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly format?: string;
  readonly description: string;
  readonly priority: 0 | 1;
}

/** What a cell of a table row may hold. */
export type Cell = string | number | boolean | null;

/** A subresource that reads or writes part of the object. */
export type Subresource = "status" | "scale";

/**
 * Everything the API server knows of one kind. Functions are pure: they return a new value or the same one.
 * The pipeline calls, on create: decode, `applyDefaults`, `prepareForCreate`, allocation, `validate`, store; and on
 * update: decode, `applyDefaults`, `prepareForUpdate`, allocation, `validateUpdate`, store. Metadata that every kind
 * shares (uid, timestamps, resourceVersion, generated names) is the pipeline's own work; generation rises when
 * `prepareForUpdate`'s result differs from the old object outside of metadata and status.
 * `validate` and `validateUpdate` check the metadata as well (names, labels, annotations, owners, finalizers).
 */
export interface Kind<T extends KubeObject = KubeObject> {
  readonly resource: Resource<T>;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** `["all"]` where `kubectl get all` shows the kind. */
  readonly categories: readonly string[];
  readonly subresources: readonly Subresource[];
  /** False: stored, listed and deleted as data; `warnings` says on create that nothing acts on it. */
  readonly actedOn: boolean;
  /** False for kinds without a spec generation (ConfigMap, Secret, Event, Namespace, ...). */
  readonly hasGeneration: boolean;
  /** Whether `metadata.generateName` may stand in for a name and PUT may create: true for all but a few kinds. */
  readonly createOnUpdate: boolean;
  /** The kind's type in the schema. */
  readonly schemaType: string;
  readonly columns: readonly Column[];
  /** One cell for each column. `nowMs` is the wall clock, for ages. */
  readonly row: (object: T, nowMs: number) => readonly Cell[];
  /**
   * The fields a field selector may name, besides `metadata.name` and `metadata.namespace`: always the same names,
   * whatever the object holds (even one without spec).
   */
  readonly selectableFields: (object: T) => Readonly<Record<string, string>>;
  readonly applyDefaults: (object: T) => T;
  /** Clears what a client may not set on create, such as `status`. */
  readonly prepareForCreate: (object: T) => T;
  /**
   * Keeps what an update may not change: status for a plain update; for subresource `status`, everything but status,
   * annotations and finalizers comes from `old`.
   */
  readonly prepareForUpdate: (object: T, old: T, subresource: Subresource | undefined) => T;
  readonly validate: (object: T) => readonly FieldError[];
  readonly validateUpdate: (object: T, old: T, subresource: Subresource | undefined) => readonly FieldError[];
  /** Texts for `Warning: 299` headers, in upstream's words; `old` is undefined on create. */
  readonly warnings: (object: T, old: T | undefined) => readonly string[];
}
