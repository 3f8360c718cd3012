import { NameTable } from "./name-table.ts";
import type { DnsName } from "./name.ts";
import { hasCompressibleRdata, hasNames, rdataLayout, stringEnd } from "./rdata-layout.ts";

/** Small blocks are garbage before the collector looks twice at them; messages over TCP need room for the largest. */
const slabSize = 32 * 1024;
const largeSlabSize = 256 * 1024;
const nothing = new Uint8Array(0);

/** The largest message: what two bytes of length before a message on TCP can say. */
export const maxMessageBytes = 65_535;

/**
 * Writes one message after the other into blocks of memory, each result a view of its own part, so that
 * results may be kept and sent later. Writing beyond the limit sets `overflowed` and writes nothing more; `mark`
 * and `rewind` take back a part that did not fit.
 */
export class MessageWriter {
  readonly #names = new NameTable();
  #slab: Uint8Array = nothing;
  #base = 0;
  #at = 0;
  #end = 0;
  #questionAt = 0;
  #question: DnsName | undefined;
  overflowed = false;

  /** Starts a message of at most `limit` bytes (clamped to 12 to 65535). What was not finished is dropped. */
  begin(limit: number): void {
    const size = Math.min(Math.max(limit, 12), maxMessageBytes);
    if (this.#base + size > this.#slab.length) {
      this.#slab = new Uint8Array(size > slabSize / 8 ? largeSlabSize : slabSize);
      this.#base = 0;
    }
    this.#at = this.#base;
    this.#end = this.#base + size;
    this.#question = undefined;
    this.overflowed = false;
    this.#names.clear();
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at - this.#base;
  }

  /** Leaves `bytes` at the end unused (or, when negative, gives them back), for what must fit later. */
  reserve(bytes: number): void {
    this.#end -= bytes;
  }

  /** The finished message. */
  finish(): Uint8Array {
    const message = this.#slab.subarray(this.#base, this.#at);
    this.#base = this.#at;
    return message;
  }

  /** Takes back everything after `length` bytes. Names from there must not be pointed to: write no more names. */
  rewind(length: number): void {
    this.#at = this.#base + length;
    this.overflowed = false;
  }

  u8(value: number): void {
    if (this.#fits(1)) this.#slab[this.#at++] = value;
  }

  u16(value: number): void {
    if (!this.#fits(2)) return;
    this.#slab[this.#at++] = value >>> 8;
    this.#slab[this.#at++] = value;
  }

  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value & 0xffff);
  }

  /** Writes `value` over the 16 bits at `offset`, which are there already. */
  patch16(offset: number, value: number): void {
    this.#slab[this.#base + offset] = value >>> 8;
    this.#slab[this.#base + offset + 1] = value;
  }

  bytes(bytes: Uint8Array, from = 0, to = bytes.length): void {
    if (!this.#fits(to - from)) return;
    const slab = this.#slab;
    let at = this.#at;
    for (let i = from; i < to; i++) slab[at++] = bytes[i] ?? 0;
    this.#at = at;
  }

  /**
   * Writes the name of the first question. It becomes known to compression only when another name is written, which
   * most answers need not do.
   */
  questionName(name: DnsName): void {
    this.#questionAt = this.length;
    this.bytes(name);
    this.#question = name;
  }

  /** A pointer to byte `skip` of the question's name, or the root label when it is that. */
  questionSuffix(skip: number): void {
    if (this.#slab[this.#base + this.#questionAt + skip] === 0) this.u8(0);
    else this.u16(0xc000 | (this.#questionAt + skip));
  }

  /** Writes a name, compressed if it `mayPoint`. Other names may point to it in any case. */
  name(name: DnsName, mayPoint = true): void {
    if (this.overflowed) return;
    if (this.#question !== undefined) {
      this.#names.place(this.#question, this.#questionAt, this.#slab, this.#base, false);
      this.#question = undefined;
    }
    const place = this.#names.place(name, this.length, this.#slab, this.#base, mayPoint);
    if (place < 0) {
      this.bytes(name);
      return;
    }
    this.bytes(name, 0, Math.floor(place / 0x1_0000));
    this.u16(0xc000 | (place & 0x3fff));
  }

  /** Writes the length and the data of a record; `rdata` must be well formed for `type`. */
  rdata(type: number, rdata: Uint8Array): void {
    const layout = rdataLayout(type);
    if (layout === undefined || rdata.length === 0 || !hasNames(layout)) {
      this.u16(rdata.length);
      this.bytes(rdata);
      return;
    }
    const lengthAt = this.length;
    this.u16(0);
    const mayPoint = hasCompressibleRdata(type);
    let at = 0;
    for (const field of layout) {
      const start = at;
      if (field === "name") {
        at = nameEnd(rdata, at);
        // Not `subarray`, which moves the bytes of a small array out of the heap: a third of the work of SRV.
        this.name(rdata.slice(start, at) as DnsName, mayPoint);
        continue;
      }
      at =
        field === "string" ? stringEnd(rdata, at, rdata.length) : typeof field === "number" ? at + field : rdata.length;
      this.bytes(rdata, start, at);
    }
    if (!this.overflowed) this.patch16(lengthAt, this.length - lengthAt - 2);
  }

  #fits(count: number): boolean {
    if (this.overflowed || this.#at + count > this.#end) {
      this.overflowed = true;
      return false;
    }
    return true;
  }
}

/** Where the uncompressed name that starts at `at` ends. */
export function nameEnd(bytes: Uint8Array, at: number): number {
  let end = at;
  for (let length = bytes[end] ?? 0; length !== 0; length = bytes[end] ?? 0) end += 1 + length;
  return end + 1;
}
