import { randomInt } from "node:crypto";
import { decodeMessage, formatRecordData, recordTypes, responseCodeName } from "../../codec/index.ts";
import type { Message } from "../../codec/index.ts";
import { CodedError, parseIp } from "../../core/index.ts";
import type { ResolvConf } from "../../dns/index.ts";
import type { DnsProbe, DnsProbeResult } from "./probe.ts";
import { encodeQuestion } from "../dns-question.ts";
import { exchangeDatagram } from "./sockets.ts";

/** The names that a resolver tries for `name`, in order (resolv.conf(5), "ndots"). */
export function searchNames(name: string, { searches, options }: ResolvConf): readonly string[] {
  if (name.endsWith(".")) return [name];
  const ndots = Number(options.findLast((option) => option.startsWith("ndots:"))?.slice("ndots:".length) ?? 1);
  const searched = searches.map((domain) => `${name}.${domain.replace(/\.$/, "")}.`);
  const dots = name.split(".").length - 1;
  return dots >= ndots ? [`${name}.`, ...searched] : [...searched, `${name}.`];
}

/**
 * Asks a place's own resolver from the place's network namespace, following its search list until a name exists.
 * A resolver that is silent gives the rcode `TIMEOUT`.
 */
export async function probeName(
  namespacePath: string,
  settings: ResolvConf,
  probe: Pick<DnsProbe, "name" | "type" | "timeoutMs">,
): Promise<DnsProbeResult> {
  const [nameserver] = settings.nameservers;
  if (nameserver === undefined) return { rcode: "TIMEOUT", answers: [] };
  let rcode = "NXDOMAIN";
  for (const name of searchNames(probe.name, settings)) {
    const reply = await askServer(namespacePath, nameserver, name, probe.type, probe.timeoutMs);
    if (reply === undefined) return { rcode: "TIMEOUT", answers: [] };
    rcode = responseCodeName(reply.rcode);
    const answers = reply.answers
      .filter(({ type }) => type === recordTypes[probe.type])
      .map(({ type, rdata }) => formatRecordData(type, rdata));
    if (answers.length > 0) return { rcode, answers };
  }
  return { rcode, answers: [] };
}

/** The IPv4 address for a host as written in a URL, at that place. Rejects with `CodedError` "NameNotFound". */
export async function addressAt(namespacePath: string, settings: ResolvConf, host: string): Promise<string> {
  if (parseIp(host) !== undefined) return host;
  if (host === "localhost") return "127.0.0.1";
  const { rcode, answers } = await probeName(namespacePath, settings, { name: host, type: "A", timeoutMs: 2000 });
  const [address] = answers;
  if (address === undefined) throw new CodedError("NameNotFound", `${host} does not resolve here (${rcode})`);
  return address;
}

async function askServer(
  namespacePath: string,
  server: string,
  name: string,
  type: DnsProbe["type"],
  timeoutMs: number,
): Promise<Message | undefined> {
  const id = randomInt(0x1_0000);
  const bytes = await exchangeDatagram(namespacePath, server, 53, encodeQuestion(id, name, type), timeoutMs);
  const reply = bytes === undefined ? undefined : decodeMessage(bytes);
  return reply?.kind === "message" && reply.id === id ? reply : undefined;
}
