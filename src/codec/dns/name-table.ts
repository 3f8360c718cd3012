import type { DnsName } from "./name.ts";

const tableSize = 2048;
const tableMask = tableSize - 1;
/** A message that names more suffixes than this compresses the rest less well, but stays correct. */
const maxEntries = 1024;
/** Pointers have 14 bits. */
const maxOffset = 0x3fff;

/**
 * Where names stand in the message that is being written, for compression: a hash table of suffixes. It is cleared
 * by counting generations, so that starting a message costs nothing.
 */
export class NameTable {
  readonly #offsets = new Uint16Array(tableSize);
  readonly #generations = new Uint32Array(tableSize);
  readonly #starts = new Uint8Array(128);
  readonly #hashes = new Uint32Array(128);
  #generation = 1;
  #entries = 0;

  /** Forgets all names. */
  clear(): void {
    this.#entries = 0;
    if (++this.#generation > 0xffff_ffff) {
      this.#generations.fill(0);
      this.#generation = 1;
    }
  }

  /**
   * Looks for the longest suffix of `name` that the message (which starts at `base` of `bytes`) has already, and
   * files the labels before it as if they were written at `offset` of the message. Gives where the suffix starts
   * in `name` in the high half and its offset in the message in the low half, or -1. Case must match: a pointer
   * would else change the letters of the name.
   */
  place(name: DnsName, offset: number, bytes: Uint8Array, base: number, mayPoint: boolean): number {
    const count = this.#hash(name);
    let found = -1;
    let fresh = count;
    for (let i = mayPoint ? 0 : count; i < count; i++) {
      const start = this.#starts[i] ?? 0;
      const at = this.#find(this.#hashes[i] ?? 0, name, start, bytes, base);
      if (at < 0) continue;
      found = start * 0x1_0000 + at;
      fresh = i;
      break;
    }
    for (let i = 0; i < fresh; i++) this.#add(this.#hashes[i] ?? 0, offset + (this.#starts[i] ?? 0));
    return found;
  }

  /** Hashes every suffix, from the right; gives the number of labels. */
  #hash(name: DnsName): number {
    let count = 0;
    for (let at = 0; name[at] !== 0 && at < name.length; at += 1 + (name[at] ?? 0)) this.#starts[count++] = at;
    let hash = 0x811c9dc5;
    let end = name.length - 1;
    for (let i = count - 1; i >= 0; i--) {
      const start = this.#starts[i] ?? 0;
      for (let at = start; at < end; at++) hash = Math.imul(hash ^ (name[at] ?? 0), 0x01000193);
      this.#hashes[i] = hash;
      end = start;
    }
    return count;
  }

  #find(hash: number, name: DnsName, start: number, bytes: Uint8Array, base: number): number {
    for (let slot = mix(hash); this.#generations[slot] === this.#generation; slot = (slot + 1) & tableMask) {
      const offset = this.#offsets[slot] ?? 0;
      if (standsAt(bytes, base, offset, name, start)) return offset;
    }
    return -1;
  }

  #add(hash: number, offset: number): void {
    if (offset > maxOffset || this.#entries >= maxEntries) return;
    let slot = mix(hash);
    while (this.#generations[slot] === this.#generation) slot = (slot + 1) & tableMask;
    this.#generations[slot] = this.#generation;
    this.#offsets[slot] = offset;
    this.#entries++;
  }
}

function mix(hash: number): number {
  return (hash ^ (hash >>> 15)) & tableMask;
}

/** Whether the name at `offset` of the message is `name` from `start` on, letter by letter. */
function standsAt(bytes: Uint8Array, base: number, offset: number, name: DnsName, start: number): boolean {
  let at = base + offset;
  for (let i = start; i < name.length;) {
    let length = bytes[at] ?? 0;
    while (length >= 0xc0) {
      at = base + (((length & 0x3f) << 8) | (bytes[at + 1] ?? 0));
      length = bytes[at] ?? 0;
    }
    for (const end = i + length; i <= end; i++, at++) if (bytes[at] !== name[i]) return false;
  }
  return true;
}
