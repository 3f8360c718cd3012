import { joinedName, recordTypes, responseCodes, rootName, zoneOffset } from "../../codec/index.ts";
import type { DnsName } from "../../codec/index.ts";
import { parseIp } from "../../core/index.ts";
import { detached, records } from "../resolver.ts";
import type { MaybeLater, RecordSet, Reply, Request, Resolve } from "../resolver.ts";
import type { ClientPods } from "./client-pods.ts";
import { whenReplied } from "./layer.ts";
import type { Layer } from "./layer.ts";
import { inZones } from "./zone-match.ts";

/** Where the search list of a client comes from; its first entry is the one that clients try first. */
export interface AutopathParts {
  readonly zones: readonly string[];
  /** The search list of whoever sends a request, `undefined` when it is not known for sure. */
  readonly searchOf: (request: Request) => readonly DnsName[] | undefined;
  /** A search ended here, in the client's place. */
  readonly searched: () => void;
}

/**
 * Goes through a client's search list at once: a query for `NAME.FIRST-SEARCH` that has no answer is tried with the other
 * entries and as it stands, and the first that exists is the answer, behind a CNAME. Saves clients most of their queries.
 */
export function autopathLayer({ zones, searchOf, searched }: AutopathParts): Layer {
  const isMine = inZones(zones);
  return (next) => (request) => {
    const isAddress = request.type === recordTypes.A || request.type === recordTypes.AAAA;
    if (!isAddress || request.aliases.length > 0 || !isMine(request.name)) return next(request);
    const [first, ...others] = searchOf(request) ?? [];
    const searchAt = first === undefined ? -1 : zoneOffset(request.name, first);
    if (searchAt <= 0) return next(request);
    const reply = next(request);
    const start = (found: Reply): MaybeLater<Reply> => {
      if (found.rcode !== responseCodes.NXDOMAIN) return found;
      const candidates = [...others, rootName].flatMap((search) => joined(request.name, searchAt, search) ?? []);
      return whenReplied(trySearches(request, candidates, 0, next, found), (reply) => {
        if (reply !== found) searched();
        return reply;
      });
    };
    return reply instanceof Promise ? reply.then(start) : start(reply);
  };
}

/** Tries `candidates` from the one at `index` on; `first` is the reply when none exists. */
function trySearches(
  request: Request,
  candidates: readonly DnsName[],
  index: number,
  next: Resolve,
  first: Reply,
): MaybeLater<Reply> {
  for (let at = index; at < candidates.length; at++) {
    const name = candidates[at];
    if (name === undefined) break;
    // Marked as followed, so that nothing takes it for a client's own question.
    const reply = next({ ...request, name, aliases: [request.name] });
    if (reply instanceof Promise) {
      return reply.then((later) =>
        later.rcode === responseCodes.NXDOMAIN
          ? trySearches(request, candidates, at + 1, next, first)
          : underAlias(later, name),
      );
    }
    if (reply.rcode !== responseCodes.NXDOMAIN) return underAlias(reply, name);
  }
  return first;
}

/** What was found under another name, as an answer to the question: a CNAME leads there. */
function underAlias(reply: Reply, name: DnsName): Reply {
  // A name without records of this type: nothing to lead to, but the client's search ends here, too.
  const answer = reply.answer.length === 0 ? [] : [alias(reply, name), ...detached(reply.answer, name)];
  return { ...reply, answer, authority: detached(reply.authority, name), additional: detached(reply.additional, name) };
}

function alias({ answer }: Reply, name: DnsName): RecordSet {
  return records(0, recordTypes.CNAME, Math.min(...answer.map(({ ttl }) => ttl)), [name]);
}

function joined(name: DnsName, upTo: number, search: DnsName): DnsName | undefined {
  const bytes = new Uint8Array(upTo + search.length);
  bytes.set(name.subarray(0, upTo));
  bytes.set(search, upTo);
  return bytes.length > 255 ? undefined : (bytes as DnsName);
}

/** The search list of pods: the one of the namespace of the pod at the client's address, then `hostSearch`. */
export function podSearch(
  pods: ClientPods,
  domain: DnsName,
  hostSearch: readonly DnsName[],
): (request: Request) => readonly DnsName[] | undefined {
  const shared = joinedName(["svc"], domain);
  const lists = new Map<string, readonly DnsName[]>();
  return ({ client }) => {
    const address = parseIp(client?.address ?? "");
    const namespace = address === undefined ? undefined : pods.namespaceOf(address);
    if (namespace === undefined || shared === undefined) return undefined;
    const known = lists.get(namespace);
    if (known !== undefined) return known;
    const first = joinedName([namespace], shared);
    const list = first === undefined ? [] : [first, shared, domain, ...hostSearch];
    // Namespaces come and go; a list is quickly made again.
    if (lists.size > 4096) lists.clear();
    lists.set(namespace, list);
    return list;
  };
}
