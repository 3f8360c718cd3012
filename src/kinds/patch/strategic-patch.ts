import { CodedError } from "../../core/index.ts";
import { isFields } from "../fields.ts";
import type { Fields } from "../fields.ts";
import { structType } from "../schema/schema.ts";
import type { FieldType } from "../schema/schema.ts";
import { mergeRule } from "./merge-keys.ts";
import type { MergeRule } from "./merge-keys.ts";
import { mergeObjectLists, mergeSets } from "./merge-lists.ts";

const deletePrefix = "$deleteFromPrimitiveList/";
const orderPrefix = "$setElementOrder/";

/**
 * Applies a strategic merge patch to an object of the type and returns a new value. Lists of objects merge by the key
 * in `merge-keys.ts`, others are replaced; `$patch`, `$retainKeys`, `$setElementOrder/...` and
 * `$deleteFromPrimitiveList/...` are obeyed. Throws `CodedError` with code `BadRequest` when the patch is malformed.
 */
export function applyStrategicPatch(typeName: string, target: unknown, patch: Fields): Fields {
  return mergeFields({ kind: "struct", name: typeName }, isFields(target) ? target : {}, patch);
}

function mergeFields(type: FieldType | undefined, target: Fields, patch: Fields): Fields {
  const { $patch: directive, $retainKeys: retained, ...changes } = patch;
  if (directive === "replace") return withoutDirectives(type, changes);
  if (directive === "delete") return {};
  if (directive !== undefined && directive !== "merge") throw unknownDirective(directive);
  const result = new Map(Object.entries(target));
  if (retained !== undefined) retain(result, retained, changes);
  const plain = Object.entries(changes).filter(([name]) => !name.startsWith("$"));
  for (const [name, value] of Object.entries(changes)) {
    if (name.startsWith(deletePrefix)) deleteValues(result, name.slice(deletePrefix.length), value);
    else if (name.startsWith(orderPrefix)) orderOnly(type, result, changes, name.slice(orderPrefix.length), value);
  }
  for (const [name, value] of plain) {
    if (value === null) result.delete(name);
    else result.set(name, mergeValue(type, name, result.get(name), value, changes[orderPrefix + name]));
  }
  return Object.fromEntries(result);
}

function mergeValue(
  type: FieldType | undefined,
  name: string,
  target: unknown,
  value: unknown,
  order: unknown,
): unknown {
  const field = fieldType(type, name);
  if (isFields(value)) return mergeFields(field, isFields(target) ? target : {}, value);
  if (!Array.isArray(value)) return value;
  const rule = listRule(type, name);
  const list: readonly unknown[] = Array.isArray(target) ? target : [];
  if (rule === undefined) return value;
  const wanted = order === undefined ? undefined : orderList(name, order);
  if (rule.kind === "mergeSet") return mergeSets(list, value, wanted);
  const item = field?.kind === "list" ? field.item : undefined;
  return mergeObjectLists({
    name,
    key: rule.key,
    target: list,
    patch: value,
    order: wanted,
    merge: (old, change) => mergeFields(item, old, change),
  });
}

/** A `$setElementOrder` without the list itself: only the order changes. */
function orderOnly(
  type: FieldType | undefined,
  result: Map<string, unknown>,
  changes: Fields,
  name: string,
  order: unknown,
): void {
  const wanted = orderList(name, order);
  const present = result.get(name);
  if (name in changes || !Array.isArray(present)) return;
  const rule = listRule(type, name);
  if (rule === undefined) return;
  result.set(name, mergeValue(type, name, present, [], wanted));
}

function orderList(name: string, order: unknown): readonly unknown[] {
  if (Array.isArray(order)) return order;
  throw new CodedError("BadRequest", `error decoding patch: ${orderPrefix}${name} must be a list`);
}

function deleteValues(result: Map<string, unknown>, name: string, values: unknown): void {
  if (!Array.isArray(values)) {
    throw new CodedError("BadRequest", `error decoding patch: ${deletePrefix}${name} must be a list`);
  }
  const present = result.get(name);
  if (Array.isArray(present))
    result.set(
      name,
      present.filter((item) => !values.includes(item)),
    );
}

function retain(result: Map<string, unknown>, retained: unknown, changes: Fields): void {
  if (!Array.isArray(retained)) throw new CodedError("BadRequest", "error decoding patch: $retainKeys must be a list");
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || name.startsWith("$") || retained.includes(name)) continue;
    throw new CodedError("BadRequest", `error decoding patch: ${name} is set, but $retainKeys does not name it`);
  }
  for (const name of result.keys()) if (!retained.includes(name)) result.delete(name);
}

/** What a replacement holds: its own directives have nothing to act on, and null means absent. */
function withoutDirectives(type: FieldType | undefined, fields: Fields): Fields {
  return mergeFields(type, {}, fields);
}

function fieldType(type: FieldType | undefined, name: string): FieldType | undefined {
  if (type?.kind === "struct") return structType(type.name).get(name);
  return type?.kind === "map" ? type.value : undefined;
}

function listRule(type: FieldType | undefined, name: string): Exclude<MergeRule, { kind: "retainKeys" }> | undefined {
  const rule = type?.kind === "struct" ? mergeRule(type.name, name) : undefined;
  return rule?.kind === "retainKeys" ? undefined : rule;
}

function unknownDirective(directive: unknown): CodedError {
  return new CodedError("BadRequest", `error decoding patch: Unknown patch type found: ${JSON.stringify(directive)}`);
}
