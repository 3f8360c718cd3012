import type { LookupFunction } from "node:net";
import { callbackify } from "node:util";
import {
  decodeMessage,
  dnsClasses,
  encodeMessage,
  formatRecordData,
  parseName,
  queryMessage,
  recordTypes,
} from "../codec/index.ts";
import { CodedError } from "../core/index.ts";
import type { ClusterDns } from "../dns/index.ts";

/** A query for one name, as a stub resolver sends it. Throws `CodedError` "BadName". */
export function encodeQuestion(id: number, name: string, type: "A" | "SRV" | "CNAME" | "PTR"): Uint8Array {
  const parsed = parseName(name);
  if (parsed === undefined) throw new CodedError("BadName", `${JSON.stringify(name)} is no domain name`);
  return encodeMessage({
    ...queryMessage(id, { name: parsed, type: recordTypes[type], class: dnsClasses.IN }),
    edns: { udpSize: 1232, version: 0, dnssecOk: false, options: [] },
  });
}

/**
 * A `lookup` for sockets that asks this process's own cluster DNS, so that names mean the same as in pods: for the
 * ExternalName backends of Ingresses.
 */
export function lookupIn(dns: Pick<ClusterDns, "answer">): LookupFunction {
  const find = callbackify((host: string) => addressesOf(dns, host));
  return (host, options, done) => {
    find(host, (error: Error | null, addresses: readonly string[] | undefined) => {
      const [first] = addresses ?? [];
      if (addresses === undefined || first === undefined) return done(notFound(host, error), "", 4);
      if (options.all !== true) return done(null, first, 4);
      const all = addresses.map((address) => ({ address, family: 4 }));
      return done(null, all);
    });
  };
}

async function addressesOf(dns: Pick<ClusterDns, "answer">, host: string): Promise<readonly string[]> {
  const bytes = await dns.answer(encodeQuestion(0, host.endsWith(".") ? host : `${host}.`, "A").slice(), "tcp");
  const reply = bytes === undefined ? undefined : decodeMessage(bytes);
  if (reply?.kind !== "message") return [];
  return reply.answers
    .filter(({ type }) => type === recordTypes.A)
    .map(({ type, rdata }) => formatRecordData(type, rdata));
}

function notFound(host: string, cause?: unknown): NodeJS.ErrnoException {
  return Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`, { cause }), { code: "ENOTFOUND", hostname: host });
}
