import { maxNameBytes, rootName } from "./name.ts";
import type { DnsName } from "./name.ts";
import { hasNames, rdataLayout, stringEnd } from "./rdata-layout.ts";
import type { RdataField } from "./rdata-layout.ts";

const nothing = new Uint8Array(0);

/**
 * Reads the parts of a message in order. The first thing that is wrong sets `problem`; what is read after that is
 * meaningless, so callers check once at the end of a part. Never reads outside of the message, never throws.
 */
export class MessageReader {
  readonly bytes: Uint8Array;
  at = 0;
  problem: string | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  fail(reason: string): void {
    this.problem ??= reason;
  }

  u16(): number {
    const { at, bytes } = this;
    if (at + 2 > bytes.length) {
      this.fail("ends within a number");
      return 0;
    }
    this.at = at + 2;
    return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  }

  u32(): number {
    return this.u16() * 0x1_0000 + this.u16();
  }

  /** A view of the next `length` bytes. */
  take(length: number): Uint8Array {
    const end = this.at + length;
    if (end > this.bytes.length) {
      this.fail("ends within a field");
      return nothing;
    }
    const view = this.bytes.subarray(this.at, end);
    this.at = end;
    return view;
  }

  /**
   * A name. Every pointer must lead to before the labels that it continues, so there are no loops. A name without
   * pointers is a view of the message.
   */
  name(): DnsName {
    const { bytes } = this;
    const start = this.at;
    let at = start;
    for (;;) {
      const length = bytes[at];
      if (length === undefined) return this.#badName("ends within a name");
      if (length === 0) break;
      if (length >= 0xc0) return this.#compressedName(start, at);
      if (length > 63) return this.#badName("has a label of an unknown kind");
      at += 1 + length;
      if (at - start >= maxNameBytes) return this.#badName("has a name over 255 bytes");
    }
    this.at = at + 1;
    return bytes.subarray(start, at + 1) as DnsName;
  }

  #badName(reason: string): DnsName {
    this.fail(reason);
    return rootName;
  }

  #compressedName(start: number, pointerAt: number): DnsName {
    const { bytes } = this;
    const name = new Uint8Array(maxNameBytes);
    let size = pointerAt - start;
    for (let i = 0; i < size; i++) name[i] = bytes[start + i] ?? 0;
    this.at = pointerAt + 2;
    let partStart = start;
    let at = pointerAt;
    for (;;) {
      const length = bytes[at];
      if (length === undefined) return this.#badName("ends within a name");
      if (length >= 0xc0) {
        const low = bytes[at + 1];
        if (low === undefined) return this.#badName("ends within a pointer");
        at = ((length & 0x3f) << 8) | low;
        if (at >= partStart) return this.#badName("has a name that points forward or to itself");
        partStart = at;
        continue;
      }
      if (length > 63) return this.#badName("has a label of an unknown kind");
      if (size + 1 + length > (length === 0 ? maxNameBytes : maxNameBytes - 1)) {
        return this.#badName("has a name over 255 bytes");
      }
      if (at + 1 + length > bytes.length) return this.#badName("ends within a name");
      for (let i = 0; i <= length; i++) name[size + i] = bytes[at + i] ?? 0;
      size += 1 + length;
      if (length === 0) return name.subarray(0, size) as DnsName;
      at += 1 + length;
    }
  }

  /** Record data of `length` bytes, its names decompressed. Opaque data is a view of the message. */
  rdata(type: number, length: number): Uint8Array {
    const start = this.at;
    const end = start + length;
    if (end > this.bytes.length) {
      this.fail("ends within record data");
      return nothing;
    }
    const layout = rdataLayout(type);
    if (layout === undefined) return this.take(length);
    const parts = hasNames(layout) ? [] : undefined;
    const fits = this.#fields(layout, end, parts);
    if (!fits || this.at !== end) {
      this.fail("has record data that does not fit its type");
      return nothing;
    }
    if (parts === undefined) return this.bytes.subarray(start, end);
    return joinParts(parts, this.bytes, start, end);
  }

  #fields(layout: readonly RdataField[], end: number, parts: Uint8Array[] | undefined): boolean {
    for (const field of layout) {
      const start = this.at;
      if (field === "name") {
        const name = this.name();
        if (this.problem !== undefined) return false;
        parts?.push(name);
      } else {
        this.at = fieldEnd(this.bytes, start, end, field);
        if (this.at < 0) return false;
        parts?.push(this.bytes.subarray(start, this.at));
      }
      if (this.at > end) return false;
    }
    return true;
  }
}

function fieldEnd(bytes: Uint8Array, at: number, end: number, field: Exclude<RdataField, "name">): number {
  if (field === "rest") return end;
  if (field === "string") return stringEnd(bytes, at, end);
  if (field !== "strings") return at + field > end ? -1 : at + field;
  let next = stringEnd(bytes, at, end);
  while (next >= 0 && next < end) next = stringEnd(bytes, next, end);
  return next;
}

function joinParts(parts: readonly Uint8Array[], bytes: Uint8Array, start: number, end: number): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  // The same size means that nothing was compressed: a pointer is shorter than any name but the root.
  if (size === end - start && !parts.some((part) => part.buffer !== bytes.buffer)) return bytes.subarray(start, end);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
