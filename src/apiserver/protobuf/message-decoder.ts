import { CodedError } from "../../core/index.ts";
import { readProtobuf } from "../../codec/index.ts";
import type { WireField } from "../../codec/index.ts";
import { formatTime } from "../../objects/index.ts";
import { messages } from "./messages.generated.ts";

/** A field of a message, read from the table. */
interface MessageField {
  /** Empty: the fields of the value stand in the message itself. */
  readonly name: string;
  readonly shape: "one" | "list" | "map";
  readonly type: string;
  readonly dropsZero: boolean;
}

type JsonObject = Record<string, unknown>;

const parsedMessages = new Map<string, ReadonlyMap<number, MessageField>>();
const deepest = 64;

/** Whether the table has a message, such as `core/v1.Service`. */
export function hasMessage(name: string): boolean {
  return Object.hasOwn(messages, name);
}

/** Reads a Kubernetes message as the JSON value that it stands for. Throws `CodedError` with code `InvalidProtobuf`. */
export function decodeMessage(name: string, bytes: Uint8Array, depth = 0): JsonObject {
  if (depth > deepest) throw new CodedError("InvalidProtobuf", `The message is nested more than ${deepest} deep`);
  const known = fieldsOf(name);
  const result: JsonObject = {};
  for (const wire of readProtobuf(bytes)) {
    const field = known.get(wire.number);
    if (field !== undefined) addField(result, field, wire, depth);
  }
  return result;
}

function addField(result: JsonObject, field: MessageField, wire: WireField, depth: number): void {
  const { name, shape, type, dropsZero } = field;
  if (shape === "map") {
    const [key, value] = mapEntry(type, wire, depth);
    const map = result[name];
    if (typeof map === "object" && map !== null) Object.defineProperty(map, key, plain(value));
    else result[name] = Object.defineProperty({}, key, plain(value));
    return;
  }
  const value = decodeValue(type, wire, depth);
  if (shape === "list") {
    const list = result[name];
    if (Array.isArray(list)) list.push(value);
    else result[name] = [value];
  } else if (name === "" && typeof value === "object") Object.assign(result, value);
  else if (!dropsZero || !isZero(value)) result[name] = value;
}

/** Maps travel as messages {1: key, 2: value}. */
function mapEntry(type: string, wire: WireField, depth: number): [string, unknown] {
  let key = "";
  let value: unknown = type === "s" || type === "B" ? "" : type === "q" ? "0" : {};
  for (const part of readProtobuf(bytesOf(wire))) {
    if (part.number === 1) key = textOf(part);
    else if (part.number === 2) value = decodeValue(type, part, depth);
  }
  return [key, value];
}

/** A property like any other, whatever its name (`__proto__` too). */
function plain(value: unknown): PropertyDescriptor {
  return { value, enumerable: true, configurable: true, writable: true };
}

function decodeValue(type: string, wire: WireField, depth: number): unknown {
  switch (type) {
    case "s":
      return textOf(wire);
    case "b":
      return numberOf(wire) !== 0;
    case "i":
      return numberOf(wire);
    case "d":
      return wire.kind === "fixed" && wire.value.length === 8 ? Buffer.from(wire.value).readDoubleLE() : 0;
    case "B":
      return Buffer.from(bytesOf(wire)).toString("base64");
    case "q":
      return textOf(part(wire, 1));
    case "t":
    case "u":
      return timeOf(wire, type === "u");
    case "o":
      return intOrString(wire);
    case "r":
      return rawJson(part(wire, 1));
    case "e":
      return readProtobuf(bytesOf(wire)).map(textOf);
    default:
      return decodeMessage(type.slice(1), bytesOf(wire), depth + 1);
  }
}

function part(wire: WireField, number: number): WireField | undefined {
  return readProtobuf(bytesOf(wire)).find((field) => field.number === number);
}

function timeOf(wire: WireField, micro: boolean): string | null {
  const seconds = part(wire, 1);
  if (seconds === undefined) return null;
  const nanos = part(wire, 2);
  const milliseconds = numberOf(seconds) * 1000;
  if (Math.abs(milliseconds) > 8.64e15) throw new CodedError("InvalidProtobuf", "A time is out of range");
  if (!micro) return formatTime(milliseconds);
  const micros = nanos === undefined ? 0 : Math.floor(numberOf(nanos) / 1000);
  return `${formatTime(milliseconds).slice(0, -1)}.${String(micros).padStart(6, "0")}Z`;
}

function intOrString(wire: WireField): number | string {
  const type = part(wire, 1);
  if (type !== undefined && numberOf(type) === 1) return textOf(part(wire, 3));
  const value = part(wire, 2);
  return value === undefined ? 0 : numberOf(value);
}

function rawJson(wire: WireField | undefined): unknown {
  const text = wire === undefined ? "" : textOf(wire);
  try {
    const value: unknown = text === "" ? null : JSON.parse(text);
    return value;
  } catch {
    throw new CodedError("InvalidProtobuf", "An embedded object is not JSON");
  }
}

function bytesOf(wire: WireField): Uint8Array {
  if (wire.kind === "bytes") return wire.value;
  throw new CodedError("InvalidProtobuf", `Field ${wire.number} has the wrong wire type`);
}

function textOf(wire: WireField | undefined): string {
  return wire === undefined ? "" : Buffer.from(bytesOf(wire)).toString();
}

function numberOf(wire: WireField): number {
  return wire.kind === "varint" ? Number(BigInt.asIntN(64, wire.value)) : 0;
}

function isZero(value: unknown): boolean {
  return value === "" || value === 0 || value === false || value === null;
}

function fieldsOf(name: string): ReadonlyMap<number, MessageField> {
  const parsed = parsedMessages.get(name);
  if (parsed !== undefined) return parsed;
  const fields = new Map((messages[name] ?? "").split(" ").map(parseField));
  parsedMessages.set(name, fields);
  return fields;
}

function parseField(text: string): [number, MessageField] {
  const [, number, mark, name = "", shape, type = ""] = /^(\d+)([?!])([^:]*):([[{]?)(.+)$/.exec(text) ?? [];
  return [
    Number(number),
    { name, shape: shape === "[" ? "list" : shape === "{" ? "map" : "one", type, dropsZero: mark === "?" },
  ];
}
