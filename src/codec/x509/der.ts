/** DER (ITU-T X.690) for the few types a certificate needs. Every function returns one encoded value. */

const tags = { boolean: 0x01, integer: 0x02, bitString: 0x03, octetString: 0x04, oid: 0x06, utf8: 0x0c } as const;
const tagUtcTime = 0x17;
const tagGeneralizedTime = 0x18;
const tagSequence = 0x30;
const tagSet = 0x31;

/** Joins encoded values. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** Any value with its tag and length. */
export function tagged(tag: number, content: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(tag), lengthOf(content.length), content]);
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return tagged(tagSequence, concat(parts));
}

export function set(...parts: readonly Uint8Array[]): Uint8Array {
  return tagged(tagSet, concat(parts));
}

/** `[number] EXPLICIT` around a value. */
export function explicit(number: number, content: Uint8Array): Uint8Array {
  return tagged(0xa0 | number, content);
}

/** A non-negative integer from its big-endian bytes. */
export function integer(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  const needsZero = ((trimmed[0] ?? 0) & 0x80) !== 0;
  return tagged(tags.integer, needsZero ? concat([Uint8Array.of(0), trimmed]) : trimmed);
}

export function boolean(value: boolean): Uint8Array {
  return tagged(tags.boolean, Uint8Array.of(value ? 0xff : 0));
}

export function octetString(content: Uint8Array): Uint8Array {
  return tagged(tags.octetString, content);
}

/** A bit string; `unusedBits` of the last byte do not count. */
export function bitString(content: Uint8Array, unusedBits = 0): Uint8Array {
  return tagged(tags.bitString, concat([Uint8Array.of(unusedBits), content]));
}

export function utf8String(text: string): Uint8Array {
  return tagged(tags.utf8, new TextEncoder().encode(text));
}

/** An object identifier in dotted form, e.g. `2.5.29.17`. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tagged(tags.oid, Uint8Array.of(...[first * 40 + second, ...rest].flatMap(base128)));
}

function base128(value: number): readonly number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift(0x80 | (rest & 0x7f));
  return bytes;
}

/** A time in milliseconds since 1970, to the second: UTCTime until 2049, GeneralizedTime after (RFC 5280 4.1.2.5). */
export function time(milliseconds: number): Uint8Array {
  const digits = new Date(milliseconds).toISOString().replace(/[-:T]/g, "").slice(0, 14);
  const encode = (text: string) => new TextEncoder().encode(`${text}Z`);
  if (Number(digits.slice(0, 4)) < 2050) return tagged(tagUtcTime, encode(digits.slice(2)));
  return tagged(tagGeneralizedTime, encode(digits));
}
