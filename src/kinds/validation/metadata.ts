import { parseIp } from "../../core/index.ts";
import type { KubeObject, OwnerReference, StringMap } from "../../objects/index.ts";
import { forbidden, invalid, required, tooLong } from "./field-error.ts";
import type { FieldError } from "./field-error.ts";
import {
  dnsLabelProblems,
  dnsSubdomainProblems,
  labelValueProblems,
  pathSegmentProblems,
  qualifiedNameProblems,
} from "./names.ts";

/** Which names the objects of a kind may have. */
export type NameRule = "subdomain" | "label" | "serviceName" | "pathSegment" | "ip";

/** Bytes that all annotations of an object may take together. */
const annotationsLimit = 256 * 1024;

const nameProblems: Readonly<Record<NameRule, (name: string) => readonly string[]>> = {
  subdomain: dnsSubdomainProblems,
  label: dnsLabelProblems,
  // v1.36 lets the names of Services start with a digit (RelaxedServiceNameValidation).
  serviceName: dnsLabelProblems,
  pathSegment: pathSegmentProblems,
  ip: (name) => (parseIp(name) === name ? [] : ["must be a valid IP address in canonical form"]),
};

/** What is wrong with the metadata of an object that is about to be created. */
export function validateMetadata(object: KubeObject, namespaced: boolean, rule: NameRule): readonly FieldError[] {
  const { metadata } = object;
  return [
    ...generateNameErrors(metadata.generateName ?? "", rule),
    ...nameErrors(metadata.name ?? "", rule),
    ...namespaceErrors(metadata.namespace ?? "", namespaced),
    ...validateLabels(metadata.labels, "metadata.labels"),
    ...validateAnnotations(metadata.annotations, "metadata.annotations"),
    ...ownerErrors(metadata.ownerReferences ?? []),
    ...finalizerErrors(metadata.finalizers ?? []),
  ];
}

/** What is wrong with the metadata of an update: some fields never change, the others obey the rules of creation. */
export function validateMetadataUpdate(object: KubeObject, old: KubeObject): readonly FieldError[] {
  const { metadata } = object;
  const errors: FieldError[] = [];
  const immutable = ["name", "namespace", "uid", "creationTimestamp"] as const;
  for (const field of immutable) {
    const value = metadata[field];
    if (value !== undefined && value !== old.metadata[field]) {
      errors.push(invalid(`metadata.${field}`, value, "field is immutable"));
    }
  }
  if (old.metadata.deletionTimestamp !== undefined) {
    const added = (metadata.finalizers ?? []).filter((name) => !old.metadata.finalizers?.includes(name));
    if (added.length > 0) {
      const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${goStrings(added)}`;
      errors.push(forbidden("metadata.finalizers", detail));
    }
  }
  return [
    ...errors,
    ...validateLabels(metadata.labels, "metadata.labels"),
    ...validateAnnotations(metadata.annotations, "metadata.annotations"),
    ...ownerErrors(metadata.ownerReferences ?? []),
    ...finalizerErrors(metadata.finalizers ?? []),
  ];
}

/** What is wrong with labels at `field`. */
export function validateLabels(labels: StringMap | undefined, field: string): readonly FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...qualifiedNameProblems(key).map((problem) => invalid(field, key, problem)),
    ...labelValueProblems(value).map((problem) => invalid(field, value, problem)),
  ]);
}

/** What is wrong with annotations at `field`: their keys, and their size all together. */
export function validateAnnotations(annotations: StringMap | undefined, field: string): readonly FieldError[] {
  let size = 0;
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(annotations ?? {})) {
    // Upper case is legal in the keys of annotations, for history's sake.
    errors.push(...qualifiedNameProblems(key.toLowerCase()).map((problem) => invalid(field, key, problem)));
    size += key.length + value.length;
  }
  return size > annotationsLimit ? [...errors, tooLong(field, annotationsLimit)] : errors;
}

function generateNameErrors(prefix: string, rule: NameRule): readonly FieldError[] {
  if (prefix === "") return [];
  // A prefix may end in what a name may not end in: the suffix follows.
  const shown = prefix.endsWith("-") ? `${prefix.slice(0, -1)}a` : prefix;
  return nameProblems[rule](shown).map((problem) => invalid("metadata.generateName", prefix, problem));
}

function nameErrors(name: string, rule: NameRule): readonly FieldError[] {
  if (name === "") return [required("metadata.name", "name or generateName is required")];
  return nameProblems[rule](name).map((problem) => invalid("metadata.name", name, problem));
}

function namespaceErrors(namespace: string, namespaced: boolean): readonly FieldError[] {
  if (!namespaced) return namespace === "" ? [] : [forbidden("metadata.namespace", "not allowed on this type")];
  if (namespace === "") return [required("metadata.namespace")];
  return dnsLabelProblems(namespace).map((problem) => invalid("metadata.namespace", namespace, problem));
}

function ownerErrors(owners: readonly OwnerReference[]): readonly FieldError[] {
  const errors: FieldError[] = [];
  const controllers = owners.filter((owner) => owner.controller === true);
  for (const [i, owner] of owners.entries()) {
    const field = `metadata.ownerReferences[${i}]`;
    for (const name of ["apiVersion", "kind", "name", "uid"] as const) {
      if ((owner[name] ?? "") !== "") continue;
      const what = name === "apiVersion" ? "version" : name;
      errors.push(invalid(`${field}.${name}`, owner[name] ?? "", `${what} must not be empty`));
    }
  }
  if (controllers.length > 1) {
    const names = controllers.map((owner) => owner.name).join(", ");
    const detail = `Only one reference can have Controller set to true. Found "true" in references for ${names}`;
    errors.push(invalid("metadata.ownerReferences", owners, detail));
  }
  return errors;
}

const standardFinalizers = ["orphan", "foregroundDeletion", "kubernetes"];

function finalizerErrors(finalizers: readonly string[]): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, name] of finalizers.entries()) {
    errors.push(...qualifiedNameProblems(name).map((problem) => invalid("metadata.finalizers", name, problem)));
    if (!name.includes("/") && !standardFinalizers.includes(name)) {
      const detail = "name is neither a standard finalizer name nor is it fully qualified";
      errors.push(invalid(`metadata.finalizers[${i}]`, name, detail));
    }
  }
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion")) {
    const detail = "finalizer orphan and foregroundDeletion cannot be both set";
    errors.push(invalid("metadata.finalizers", finalizers, detail));
  }
  return errors;
}

function goStrings(texts: readonly string[]): string {
  return `[]string{${texts.map((text) => JSON.stringify(text)).join(", ")}}`;
}
