import { ipBits, ipFamily, ipFromBigInt, ipToBigInt, parseIp } from "./ip.ts";
import type { Ip, IpFamily } from "./ip.ts";

declare const cidrBrand: unique symbol;

/** A network in canonical text: host bits are zero, so that equal networks are equal strings. */
export type Cidr = string & { readonly [cidrBrand]: true };

/** Reads `address/prefix`, clearing host bits; `undefined` when `text` is no network. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(0|[1-9][0-9]{0,2})$/.exec(text);
  const address = match === null ? undefined : parseIp(match[1] ?? "");
  if (match === null || address === undefined) return undefined;
  const prefix = Number(match[2]);
  const bits = ipBits(ipFamily(address));
  if (prefix > bits) return undefined;
  const hostBits = BigInt(bits - prefix);
  const network = (ipToBigInt(address) >> hostBits) << hostBits;
  return `${ipFromBigInt(ipFamily(address), network)}/${prefix}` as Cidr;
}

/** Reads a network that the program itself wrote. Throws `TypeError` when it is none. */
export function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new TypeError(`Not a network in CIDR notation: ${JSON.stringify(text)}`);
  return parsed;
}

/** The address with all host bits zero. */
export function cidrBase(network: Cidr): Ip {
  return network.slice(0, network.indexOf("/")) as Ip;
}

/** Length of the prefix in bits. */
export function cidrPrefix(network: Cidr): number {
  return Number(network.slice(network.indexOf("/") + 1));
}

/** The family of the network's addresses. */
export function cidrFamily(network: Cidr): IpFamily {
  return ipFamily(cidrBase(network));
}

/** Those of the networks that have this family's addresses. */
export function cidrsOfFamily(networks: readonly Cidr[], family: IpFamily): readonly Cidr[] {
  return networks.filter((network) => cidrFamily(network) === family);
}

/** How many addresses the network has, first and last included. */
export function cidrSize(network: Cidr): bigint {
  return 1n << BigInt(ipBits(cidrFamily(network)) - cidrPrefix(network));
}

/** The address at `index` (0 = the base). Throws `RangeError` outside the network. */
export function cidrAddress(network: Cidr, index: number | bigint): Ip {
  const offset = BigInt(index);
  if (offset < 0n || offset >= cidrSize(network)) throw new RangeError(`${network} has no address number ${index}`);
  return ipFromBigInt(cidrFamily(network), ipToBigInt(cidrBase(network)) + offset);
}

/** Whether the network contains the address; false for another family. */
export function cidrContains(network: Cidr, address: Ip): boolean {
  if (cidrFamily(network) !== ipFamily(address)) return false;
  const offset = ipToBigInt(address) - ipToBigInt(cidrBase(network));
  return offset >= 0n && offset < cidrSize(network);
}
