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
  const address = parseIp(text);
  if (address !== undefined && ipFamily(address) === "IPv4") return rangeProblems(ipv4Range(text));
  const problems = ipProblems(text);
  return problems.length > 0 || address === undefined ? problems : rangeProblems(ipv6Range(ipToBigInt(address)));
}

type SpecialRange = "unspecified" | "loopback" | "linkLocal" | "linkLocalMulticast";

function ipv4Range(text: string): SpecialRange | undefined {
  if (text === "0.0.0.0") return "unspecified";
  if (text.startsWith("127.")) return "loopback";
  if (text.startsWith("169.254.")) return "linkLocal";
  return text.startsWith("224.0.0.") ? "linkLocalMulticast" : undefined;
}

function ipv6Range(value: bigint): SpecialRange | undefined {
  if (value === 0n) return "unspecified";
  if (value === 1n) return "loopback";
  if (value >> 118n === 0x3fan) return "linkLocal";
  return value >> 120n === 0xffn && ((value >> 112n) & 0xfn) === 2n ? "linkLocalMulticast" : undefined;
}

function rangeProblems(range: SpecialRange | undefined): readonly string[] {
  switch (range) {
    case "unspecified":
      return ["may not be unspecified (0.0.0.0 or ::)"];
    case "loopback":
      return ["may not be in the loopback range (127.0.0.0/8, ::1/128)"];
    case "linkLocal":
      return ["may not be in the link-local range (169.254.0.0/16, fe80::/10)"];
    case "linkLocalMulticast":
      return ["may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"];
    case undefined:
      return [];
  }
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
