import { endianness } from "node:os";
import { ipFromBytes, parseIp } from "../core/index.ts";
import { socketAddress } from "./bound-socket.ts";
import { libc } from "./libc.ts";

/** One end of a datagram. */
export interface SocketName {
  /** As Node's sockets write it: behind a link-local one comes `%` and its interface. */
  readonly address: string;
  readonly port: number;
}

/** Memory with `struct sockaddr_in` and `sockaddr_in6` in it, at places divisible by four. */
export interface NameMemory {
  readonly bytes: Uint8Array;
  /** The same memory. */
  readonly words: Uint32Array;
}

const familyByte = endianness() === "LE" ? 0 : 1;
const inet6 = 10;
/** How many addresses are remembered; a power of two. */
const remembered = 1024;
/** What a text depends on: 16 bytes of the address, and the interface's number or what says that it is IPv4. */
const keyWords = 5;
const isIpv4 = 0xffff_ffff;
/** Spreads what is different over all bits (of the hash FNV). */
const prime = 0x0100_0193;

/** Reads and writes the names of clients. They come again, so the last ones are remembered. */
export class SocketNames {
  readonly #texts: (string | undefined)[] = Array.from({ length: remembered }, () => undefined);
  readonly #keys = new Uint32Array(remembered * keyWords);
  readonly #names = new Map<string, Uint8Array>();

  read(memory: NameMemory, at: number): SocketName {
    const { bytes, words } = memory;
    const port = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    const word = at >> 2;
    if (bytes[at + familyByte] !== inet6) {
      return { address: this.#text(bytes, at + 4, words[word + 1] ?? 0, 0, 0, 0, isIpv4), port };
    }
    const [a = 0, b = 0, c = 0, d = 0, link = 0] = words.subarray(word + 2, word + 7);
    return { address: this.#text(bytes, at + 8, a, b, c, d, link), port };
  }

  /** Writes a name and gives its length in bytes; 0 for one with an interface. */
  write({ bytes }: NameMemory, at: number, { address, port }: SocketName): number {
    let name = this.#names.get(address);
    if (name === undefined) {
      const ip = parseIp(address);
      if (ip === undefined) return 0;
      name = socketAddress(ip, 0);
      if (this.#names.size === remembered) this.#names.clear();
      this.#names.set(address, name);
    }
    for (let i = 0; i < name.length; i++) bytes[at + i] = name[i] ?? 0;
    bytes[at + 2] = port >>> 8;
    bytes[at + 3] = port;
    return name.length;
  }

  #text(bytes: Uint8Array, at: number, a: number, b: number, c: number, d: number, link: number): string {
    const rest = Math.imul(b ^ Math.imul(c ^ Math.imul(d ^ link, prime), prime), prime);
    const place = (Math.imul(a ^ rest, prime) >>> 16) & (remembered - 1);
    const keys = this.#keys;
    const key = place * keyWords;
    const known = this.#texts[place];
    const isKnown =
      keys[key] === a && keys[key + 1] === b && keys[key + 2] === c && keys[key + 3] === d && keys[key + 4] === link;
    if (isKnown && known !== undefined) return known;
    const text = link === isIpv4 ? ipFromBytes(bytes.subarray(at, at + 4)) : textOf(bytes.subarray(at, at + 16), link);
    keys.set([a, b, c, d, link], key);
    this.#texts[place] = text;
    return text;
  }
}

function textOf(bytes: Uint8Array, link: number): string {
  const text = ipFromBytes(bytes);
  const isLinkLocal = bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80;
  const name = new Uint8Array(16);
  if (!isLinkLocal || link === 0 || libc().if_indextoname(link, name) === null) return text;
  return `${text}%${Buffer.from(name.subarray(0, name.indexOf(0))).toString("latin1")}`;
}
