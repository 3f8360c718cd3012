import { recordTypes, responseCodes, sameName, zoneOffset } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import { detached, positive, records } from "./resolver.ts";
import type { MaybeLater, Reply, Request, Resolve } from "./resolver.ts";

/** How many names are followed before the answer is given as it is. */
const longestChain = 10;

/** What following needs to know of the zone that holds the alias. */
export interface AliasZone {
  readonly domain: DnsName;
  readonly ttl: number;
  readonly resolve: Resolve;
}

/**
 * The reply for a name that is another name: the CNAME alone when that is asked for, the CNAME with the addresses of
 * `target` for A and AAAA, `undefined` (no data) for all other types and for targets in the zone that do not exist.
 */
export function followAlias(request: Request, target: DnsName, zone: AliasZone): MaybeLater<Reply> | undefined {
  const cname = positive([records(0, recordTypes.CNAME, zone.ttl, [target])]);
  if (request.type === recordTypes.CNAME) return cname;
  if (request.type !== recordTypes.A && request.type !== recordTypes.AAAA) return undefined;
  // An alias of itself says nothing about addresses.
  if (sameName(request.name, target)) return undefined;
  const aliases = [...request.aliases, request.name];
  if (aliases.length >= longestChain || aliases.some((name) => sameName(name, target))) return cname;
  const reply = zone.resolve({ ...request, name: target, aliases });
  if (reply instanceof Promise) return reply.then((later) => joined(cname, later, target));
  const isMissing = reply.rcode !== responseCodes.SERVFAIL && reply.answer.length === 0;
  return isMissing && zoneOffset(target, zone.domain) >= 0 ? undefined : joined(cname, reply, target);
}

/**
 * The alias and what was found under its target. A target that does not exist leaves the alias alone; a failure stays
 * a failure, so that clients try again and do not take it for an absence.
 */
function joined(cname: Reply, found: Reply, target: DnsName): Reply {
  if (found.rcode === responseCodes.SERVFAIL) return { ...cname, rcode: responseCodes.SERVFAIL };
  if (found.rcode !== responseCodes.NOERROR) return cname;
  return { ...cname, truncated: found.truncated, answer: [...cname.answer, ...detached(found.answer, target)] };
}
