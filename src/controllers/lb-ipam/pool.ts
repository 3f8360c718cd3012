import {
  CodedError,
  cidrAddress,
  cidrSize,
  ipFamily,
  ipFromBigInt,
  ipToBigInt,
  parseCidr,
  parseIp,
} from "../../core/index.ts";
import type { Ip, IpFamily } from "../../core/index.ts";

/** Addresses from `first` to `last`, both included. */
export interface AddressRange {
  readonly family: IpFamily;
  readonly first: bigint;
  readonly last: bigint;
}

/** Reads `192.168.100.200-192.168.100.250`, `10.0.0.0/28` or a single address. Throws `CodedError` `InvalidPool`. */
export function parseRange(text: string): AddressRange {
  const network = parseCidr(text.trim());
  if (network !== undefined) {
    const first = cidrAddress(network, 0);
    return {
      family: ipFamily(first),
      first: ipToBigInt(first),
      last: ipToBigInt(cidrAddress(network, cidrSize(network) - 1n)),
    };
  }
  const [from = "", to = from, ...rest] = text.split("-").map((part) => part.trim());
  const [first, last] = [parseIp(from), parseIp(to)];
  if (first === undefined || last === undefined || rest.length > 0 || ipFamily(first) !== ipFamily(last)) {
    throw invalid(text, "is neither FIRST-LAST, nor a network like 10.0.0.0/28, nor an address");
  }
  const range = { family: ipFamily(first), first: ipToBigInt(first), last: ipToBigInt(last) };
  if (range.first > range.last) throw invalid(text, "ends before it begins");
  return range;
}

function invalid(text: string, problem: string): CodedError {
  return new CodedError("InvalidPool", `LoadBalancer pool ${JSON.stringify(text)} ${problem}`);
}

/** Whether one of the ranges has the address. */
export function poolHas(pool: readonly AddressRange[], address: Ip): boolean {
  const value = ipToBigInt(address);
  return pool.some(({ family, first, last }) => family === ipFamily(address) && value >= first && value <= last);
}

/** The first free address of a family, in the order of the ranges. */
export function firstFree(
  pool: readonly AddressRange[],
  family: IpFamily,
  taken: (address: Ip) => boolean,
): Ip | undefined {
  for (const range of pool) {
    if (range.family !== family) continue;
    for (let value = range.first; value <= range.last; value++) {
      const address = ipFromBigInt(family, value);
      if (!taken(address)) return address;
    }
  }
  return undefined;
}
