import { cidrBase, cidrPrefix, ipFamily, ipToBigInt, parseCidr, parseIp } from "../../core/index.ts";

const notAnIp = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

/** An IP address; leading zeros and IPv4 within IPv6 are refused. */
export function ipProblems(text: string): readonly string[] {
  const address = parseIp(text);
  if (address === undefined) return [notAnIp];
  const isMapped = ipFamily(address) === "IPv6" && ipToBigInt(address) >> 32n === 0xffffn;
  return isMapped ? ["must not be an IPv4-mapped IPv6 address"] : [];
}

/** An address that traffic can be sent to: not one of a host, a link or nobody. */
export function endpointIpProblems(text: string): readonly string[] {
  const problems = ipProblems(text);
  const address = parseIp(text);
  if (problems.length > 0 || address === undefined) return problems;
  const value = ipToBigInt(address);
  const isV4 = ipFamily(address) === "IPv4";
  if (value === 0n) return ["may not be unspecified (0.0.0.0 or ::)"];
  if (isV4 ? value >> 24n === 127n : value === 1n) return ["may not be in the loopback range (127.0.0.0/8, ::1/128)"];
  if (isV4 ? value >> 16n === 0xa9fen : value >> 118n === 0x3fan) {
    return ["may not be in the link-local range (169.254.0.0/16, fe80::/10)"];
  }
  if (isV4 ? value >> 8n === 0xe00000n : isLinkLocalMulticast(value)) {
    return ["may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"];
  }
  return [];
}

/** A network in CIDR notation. */
export function cidrProblems(text: string): readonly string[] {
  const network = parseCidr(text);
  if (network === undefined) return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"];
  return [];
}

/** Whether `text` is a network without host bits and in canonical spelling. */
export function isCanonicalCidr(text: string): boolean {
  const network = parseCidr(text);
  return network !== undefined && text === `${cidrBase(network)}/${cidrPrefix(network)}`;
}

function isLinkLocalMulticast(value: bigint): boolean {
  return value >> 120n === 0xffn && ((value >> 112n) & 0xfn) === 2n;
}
