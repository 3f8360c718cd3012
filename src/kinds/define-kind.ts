import type { KubeObject, Resource } from "../objects/index.ts";
import type { Cell, Column, Kind, Subresource } from "./kind.ts";
import { ageCell, nameAndAge } from "./printing/column.ts";
import { keepStatus, withoutStatus, withStatusOf } from "./status-strategy.ts";
import type { FieldError } from "./validation/field-error.ts";
import { validateMetadata, validateMetadataUpdate } from "./validation/metadata.ts";
import type { NameRule } from "./validation/metadata.ts";

/** What is special about one kind; the rest is what Kubernetes does with every kind. */
export interface KindDefinition<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly actedOn: boolean;
  /** Which names objects may have; DNS-1123 subdomains when absent. */
  readonly nameRule?: NameRule;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly subresources?: readonly Subresource[];
  readonly hasGeneration?: boolean;
  readonly createOnUpdate?: boolean;
  /** The root type in the schema; the kind's own name when absent. */
  readonly schemaType?: string;
  readonly columns?: readonly Column[];
  readonly row?: (object: T, nowMs: number) => readonly Cell[];
  readonly selectableFields?: (object: T) => Readonly<Record<string, string>>;
  readonly applyDefaults?: (object: T) => T;
  /** Before the status is cleared; for kinds that normalise more than that. */
  readonly prepareForCreate?: (object: T) => T;
  /** For the few kinds that are created together with their status. */
  readonly keepsStatusOnCreate?: boolean;
  /** For updates of the object itself, after the status was kept. */
  readonly prepareForUpdate?: (object: T, old: T) => T;
  readonly validate?: (object: T) => readonly FieldError[];
  /** Replaces `validate` on updates of the object itself, where a kind has rules about changes. */
  readonly validateUpdate?: (object: T, old: T) => readonly FieldError[];
  readonly validateStatus?: (object: T) => readonly FieldError[];
  readonly warnings?: (object: T, old: T | undefined) => readonly string[];
}

/**
 * Makes a `Kind` of its definition. The result takes any object: the API server only passes objects that
 * `decodeObject` has checked against the schema of this kind, which is what makes the one cast below hold.
 */
export function defineKind<T extends KubeObject>(definition: KindDefinition<T>): Kind {
  const { resource, actedOn, nameRule = "subdomain", subresources = [] } = definition;
  const own = (object: KubeObject): T => object as T;
  const hasStatus = subresources.includes("status");
  const validate = (object: KubeObject): readonly FieldError[] => definition.validate?.(own(object)) ?? [];
  return {
    resource,
    singular: resource.kind.toLowerCase(),
    shortNames: definition.shortNames ?? [],
    categories: definition.categories ?? [],
    subresources,
    actedOn,
    hasGeneration: definition.hasGeneration ?? hasStatus,
    createOnUpdate: definition.createOnUpdate ?? true,
    schemaType: definition.schemaType ?? resource.kind,
    columns: definition.columns ?? nameAndAge,
    row: (object, nowMs) => definition.row?.(own(object), nowMs) ?? [object.metadata.name, ageCell(object, nowMs)],
    selectableFields: (object) => definition.selectableFields?.(own(object)) ?? {},
    applyDefaults: (object) => definition.applyDefaults?.(own(object)) ?? object,
    prepareForCreate: (object) => {
      const cleared = hasStatus && definition.keepsStatusOnCreate !== true ? withoutStatus(object) : object;
      return definition.prepareForCreate?.(own(cleared)) ?? cleared;
    },
    prepareForUpdate: (object, old, subresource) => {
      if (subresource === "status") return withStatusOf(object, old);
      const kept = hasStatus ? keepStatus(object, old) : object;
      return definition.prepareForUpdate?.(own(kept), own(old)) ?? kept;
    },
    validate: (object) => [...validateMetadata(object, resource.namespaced, nameRule), ...validate(object)],
    validateUpdate: (object, old, subresource) => {
      const metadata = validateMetadataUpdate(object, old);
      if (subresource === "status") return [...metadata, ...(definition.validateStatus?.(own(object)) ?? [])];
      return [...metadata, ...(definition.validateUpdate?.(own(object), own(old)) ?? validate(object))];
    },
    warnings: (object, old) => [
      ...(actedOn || old !== undefined ? [] : [notActedOn(resource)]),
      ...(definition.warnings?.(own(object), old === undefined ? undefined : own(old)) ?? []),
    ],
  };
}

function notActedOn(resource: Resource<KubeObject>): string {
  return `${resource.kind} objects are stored and served, but nothing in Sealane acts on them`;
}
