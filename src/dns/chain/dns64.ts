import { recordTypes, responseCodes } from "../../codec/index.ts";
import { cidrBase, cidrPrefix, ipToBytes } from "../../core/index.ts";
import type { Cidr } from "../../core/index.ts";
import type { Dns64Settings } from "../corefile/configuration.ts";
import { addresses } from "../resolver.ts";
import type { MaybeLater, RecordSet, Reply, Request } from "../resolver.ts";
import { whenReplied } from "./layer.ts";
import type { Layer } from "./layer.ts";

/** Makes IPv6 addresses of IPv4 addresses for clients behind NAT64 (RFC 6147); `translated` is called for each. */
export function dns64Layer({ prefix, translateAll, allowIpv4 }: Dns64Settings, translated: () => void): Layer {
  const isForClient = ({ client }: Request) => allowIpv4 || client?.address.includes(":") === true;
  return (next) => {
    const translate = (request: Request, six: Reply): MaybeLater<Reply> => {
      // RFC 6147 section 5.1.2: a name that does not exist has no IPv4 address either.
      if (six.rcode === responseCodes.NXDOMAIN) return six;
      if (!translateAll && has(six, recordTypes.AAAA)) return six;
      return whenReplied(next({ ...request, type: recordTypes.A }), (four) => {
        // A failure must not look like an absence.
        if (four.rcode !== responseCodes.NOERROR) return has(six, recordTypes.AAAA) ? six : four;
        if (!has(four, recordTypes.A)) return six;
        translated();
        // Section 5.1.7: no longer than the absence of AAAA records may be remembered.
        const longest = Math.min(
          600,
          ...six.authority.filter(({ type }) => type === recordTypes.SOA).map(({ ttl }) => ttl),
        );
        const answer = four.answer.map((set) => translatedSet(set, prefix, longest));
        return { ...four, authenticData: false, answer, authority: [], additional: [] };
      });
    };
    return (request) => {
      if (request.type !== recordTypes.AAAA || !isForClient(request)) return next(request);
      const six = next(request);
      return six instanceof Promise ? six.then((reply) => translate(request, reply)) : translate(request, six);
    };
  };
}

function has({ answer }: Reply, type: number): boolean {
  return answer.some((set) => set.type === type);
}

function translatedSet(set: RecordSet, prefix: Cidr, longest: number): RecordSet {
  if (set.type !== recordTypes.A || set.data.kind !== "addresses") return set;
  const { packed, first } = set.data;
  const count = packed.length / 4;
  const six = new Uint8Array(16 * count);
  for (let i = 0; i < count; i++) six.set(embedded(prefix, packed.subarray(4 * i, 4 * i + 4)), 16 * i);
  return addresses(set.owner, Math.min(set.ttl, longest), six, 16, first);
}

/** An IPv4 address within an IPv6 prefix; the eighth byte stays 0 (RFC 6052 section 2.2). */
export function embedded(prefix: Cidr, four: Uint8Array): Uint8Array {
  const six = Uint8Array.from(ipToBytes(cidrBase(prefix)));
  let at = cidrPrefix(prefix) / 8;
  for (const byte of four) {
    if (at === 8) at++;
    six[at++] = byte;
  }
  return six;
}
