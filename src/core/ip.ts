declare const ipBrand: unique symbol;

/**
 * An IP address in canonical text (RFC 5952 for IPv6), so that equal addresses are equal strings: usable as
 * map keys and in JSON as they are. Made by `parseIp` and the functions here only.
 */
export type Ip = string & { readonly [ipBrand]: true };

/** Address families in Kubernetes' spelling. */
export type IpFamily = "IPv4" | "IPv6";

/** Both families. */
export const ipFamilies: readonly IpFamily[] = ["IPv4", "IPv6"];

/** Bits of an address of this family. */
export function ipBits(family: IpFamily): 32 | 128 {
  return family === "IPv4" ? 32 : 128;
}

/** The family of an address. */
export function ipFamily(ip: Ip): IpFamily {
  return ip.includes(":") ? "IPv6" : "IPv4";
}

/** Reads an address; `undefined` when `text` is none. IPv4 parts may not have leading zeros (KEP-4858). */
export function parseIp(text: string): Ip | undefined {
  if (text.includes(":")) {
    const groups = parseIpv6(text);
    return groups === undefined ? undefined : (formatIpv6(groups) as Ip);
  }
  return parseIpv4(text) === undefined ? undefined : (text as Ip);
}

/** Reads an address that the program itself wrote. Throws `TypeError` when it is none. */
export function ip(text: string): Ip {
  const parsed = parseIp(text);
  if (parsed === undefined) throw new TypeError(`Not an IP address: ${JSON.stringify(text)}`);
  return parsed;
}

/** The address as an unsigned integer of 32 or 128 bits. */
export function ipToBigInt(address: Ip): bigint {
  if (ipFamily(address) === "IPv4") return BigInt(parseIpv4(address) ?? 0);
  return (parseIpv6(address) ?? []).reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
}

/** The address with this integer value. Throws `RangeError` when it does not fit the family. */
export function ipFromBigInt(family: IpFamily, value: bigint): Ip {
  if (value < 0n || value >> BigInt(ipBits(family)) !== 0n) {
    throw new RangeError(`No ${family} address has the value ${value}`);
  }
  if (family === "IPv4") {
    const bits = Number(value);
    return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}` as Ip;
  }
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(16 * (7 - i))) & 0xffffn));
  return formatIpv6(groups) as Ip;
}

/** The address as 4 or 16 bytes in network order. */
export function ipToBytes(address: Ip): Uint8Array {
  if (ipFamily(address) === "IPv4") {
    const value = parseIpv4(address) ?? 0;
    return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
  }
  const bytes = new Uint8Array(16);
  for (const [i, group] of (parseIpv6(address) ?? []).entries()) {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group;
  }
  return bytes;
}

/** The address in these 4 or 16 bytes. Throws `RangeError` for any other length. */
export function ipFromBytes(bytes: Uint8Array): Ip {
  if (bytes.length !== 4 && bytes.length !== 16) throw new RangeError(`No IP address has ${bytes.length} bytes`);
  if (bytes.length === 4) return bytes.join(".") as Ip;
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return ipFromBigInt("IPv6", value);
}

/** Digit by digit: thousands of addresses are read for one change of a big Service. */
function parseIpv4(text: string): number | undefined {
  let value = 0;
  let parts = 0;
  let part = -1;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : dot;
    if (code === dot) {
      if (part < 0) return undefined;
      value = value * 256 + part;
      parts++;
      part = -1;
      continue;
    }
    const digit = code - 0x30;
    // No leading zeros, and nothing above 255.
    if (digit < 0 || digit > 9 || part === 0) return undefined;
    part = part < 0 ? digit : part * 10 + digit;
    if (part > 255) return undefined;
  }
  return parts === 4 ? value : undefined;
}

const dot = 0x2e;

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 8 ? head : undefined;
  const tail = parseGroups(halves[1] ?? "", true);
  if (tail === undefined || head.length + tail.length > 7) return undefined;
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const embedded = mayEndInIpv4 && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (embedded === undefined) return undefined;
    groups.push(Math.floor(embedded / 65536), embedded % 65536);
  }
  return groups;
}

/** RFC 5952: lower case, the longest run of two or more zero groups (the first of equals) becomes `::`. */
function formatIpv6(groups: readonly number[]): string {
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > bestLength) {
      bestStart = start;
      bestLength = length;
    }
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (bestStart < 0) return text(groups);
  return `${text(groups.slice(0, bestStart))}::${text(groups.slice(bestStart + bestLength))}`;
}
