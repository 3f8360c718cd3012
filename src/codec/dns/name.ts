declare const nameBrand: unique symbol;

/**
 * A domain name in uncompressed wire form: labels with their length before them, the empty root label last; at
 * most 255 bytes (RFC 1035 section 3.1). Case is kept as it came. Made by the functions here and by the decoder.
 */
export type DnsName = Uint8Array & { readonly [nameBrand]: true };

/** Longest name in wire form, root label included. */
export const maxNameBytes = 255;

/** The name of the root: a single empty label. */
export const rootName: DnsName = new Uint8Array(1) as DnsName;

/** Bytes that `formatName` escapes although they are printable: `"`, `$`, `(`, `)`, `.`, `;`, `@`, `\`. */
const special = new Set([0x22, 0x24, 0x28, 0x29, 0x2e, 0x3b, 0x40, 0x5c]);

/**
 * Reads a name in presentation form. A final dot may be left out; `\.` and `\DDD` are understood (RFC 1035
 * section 5.1). `undefined` for empty labels, labels over 63 bytes, names over 255 bytes and characters that only
 * an escape may write.
 */
export function parseName(text: string): DnsName | undefined {
  if (text === ".") return rootName;
  const bytes: number[] = [0];
  let labelAt = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code === 0x2e) {
      if (!closeLabel(bytes, labelAt)) return undefined;
      labelAt = bytes.length;
      bytes.push(0);
      continue;
    }
    if (code === 0x5c) {
      const digits = /^[0-9]{3}/.exec(text.slice(i + 1, i + 4));
      code = digits === null ? text.charCodeAt(i + 1) : Number(digits[0]);
      i += digits === null ? 1 : 3;
      if (Number.isNaN(code) || code > 0xff) return undefined;
    } else if (code < 0x21 || code > 0x7e) return undefined;
    bytes.push(code);
  }
  if (bytes.length - 1 > labelAt) {
    if (!closeLabel(bytes, labelAt)) return undefined;
    bytes.push(0);
  } else if (labelAt === 0) return undefined;
  return bytes.length > maxNameBytes ? undefined : (Uint8Array.from(bytes) as DnsName);
}

function closeLabel(bytes: number[], labelAt: number): boolean {
  const length = bytes.length - 1 - labelAt;
  if (length < 1 || length > 63) return false;
  bytes[labelAt] = length;
  return true;
}

/** Reads a name that the program itself wrote. Throws `TypeError` when it is none. */
export function dnsName(text: string): DnsName {
  const name = parseName(text);
  if (name === undefined) throw new TypeError(`Not a domain name: ${JSON.stringify(text)}`);
  return name;
}

/** The name in presentation form, with its final dot; `parseName` gives the same name back. */
export function formatName(name: DnsName): string {
  if (name.length <= 1) return ".";
  let text = "";
  for (let at = 0; at < name.length - 1;) {
    const end = at + 1 + (name[at] ?? 0);
    for (at++; at < end; at++) text += formatByte(name[at] ?? 0);
    text += ".";
  }
  return text;
}

function formatByte(byte: number): string {
  if (byte < 0x21 || byte > 0x7e) return `\\${String(byte).padStart(3, "0")}`;
  return special.has(byte) ? `\\${String.fromCharCode(byte)}` : String.fromCharCode(byte);
}

/** `byte` in lower case when it is an ASCII capital. */
export function lowerByte(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

/** A text that is equal for equal names, whatever their case: a key for maps, not for people. */
export function nameKey(name: DnsName): string {
  let key = "";
  for (let i = 0; i < name.length - 1; i++) key += String.fromCharCode(lowerByte(name[i] ?? 0));
  return key;
}

/** The label that starts at `at`, in lower case; bytes become the characters of the same number. */
export function labelText(name: Uint8Array, at: number): string {
  const end = at + 1 + (name[at] ?? 0);
  let text = "";
  for (let i = at + 1; i < end; i++) text += String.fromCharCode(lowerByte(name[i] ?? 0));
  return text;
}

/** Whether the label that starts at `at` is `text` (lower case ASCII), whatever its own case. */
export function labelIs(name: Uint8Array, at: number, text: string): boolean {
  if (name[at] !== text.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (lowerByte(name[at + 1 + i] ?? 0) !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** Whether two names are equal, whatever their case (RFC 4343). */
export function sameName(a: DnsName, b: DnsName): boolean {
  return a.length === b.length && endsAlike(a, b);
}

/**
 * Where `zone` starts within `name`: 0 for the zone itself, the offset of a label for names below it, -1 for all
 * other names. Case does not matter.
 */
export function zoneOffset(name: DnsName, zone: DnsName): number {
  const start = name.length - zone.length;
  if (start < 0 || !endsAlike(name, zone)) return -1;
  let at = 0;
  while (at < start) at += 1 + (name[at] ?? 0);
  return at === start ? start : -1;
}

function endsAlike(name: Uint8Array, end: Uint8Array): boolean {
  // Length bytes are below 64, so lowering them changes nothing.
  for (let i = end.length - 1, j = name.length - 1; i >= 0; i--, j--) {
    const a = name[j] ?? 0;
    const b = end[i] ?? 0;
    if (a !== b && lowerByte(a) !== lowerByte(b)) return false;
  }
  return true;
}

/** The part of `name` from the label that starts at `at`: a view, not a copy. */
export function nameFrom(name: DnsName, at: number): DnsName {
  return at === 0 ? name : (name.subarray(at) as DnsName);
}

/** Like `prependLabels`, but `undefined` where the name would be longer than names can be. */
export function joinedName(labels: readonly string[], suffix: DnsName): DnsName | undefined {
  const length = labels.reduce((sum, label) => sum + 1 + label.length, suffix.length);
  return length > maxNameBytes ? undefined : prependLabels(labels, suffix);
}

/**
 * `labels` (of ASCII text) in front of `suffix`. Throws `RangeError` when a label or the name is too long or a
 * label is empty.
 */
export function prependLabels(labels: readonly string[], suffix: DnsName): DnsName {
  let length = suffix.length;
  for (const label of labels) {
    if (label.length < 1 || label.length > 63) throw new RangeError(`Not a label: ${JSON.stringify(label)}`);
    length += 1 + label.length;
  }
  if (length > maxNameBytes) throw new RangeError(`The name of ${labels.join(".")} has ${length} bytes, over 255`);
  const name = new Uint8Array(length);
  let at = 0;
  for (const label of labels) {
    name[at++] = label.length;
    for (let i = 0; i < label.length; i++) name[at++] = label.charCodeAt(i);
  }
  name.set(suffix, at);
  return name as DnsName;
}
