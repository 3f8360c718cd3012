import { readFileSync } from "node:fs";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  decodeMessage,
  dnsName,
  encodeMessage,
  formatName,
  queryMessage,
  recordTypes,
} from "../../../src/codec/index.ts";
import type { Message } from "../../../src/codec/index.ts";
import { seededRandom } from "../../../src/core/index.ts";
import type { ClusterDns } from "../../../src/dns/index.ts";
import { listenDns } from "../../../src/net/index.ts";
import type { DnsListener } from "../../../src/net/index.ts";
import { words } from "../cluster.ts";

/**
 * What a query must give: a denial with the SOA record of the zone, or records. A record starts with its type when its
 * owner is the name of the question, and with "+ " when it belongs to the additional section. TTLs are 5 unless written
 * as `A/300`.
 */
export type Expected = "NXDOMAIN" | "NODATA" | "SERVFAIL" | "REFUSED" | readonly string[];

/** One case of an upstream table. */
export interface Case {
  readonly ask: readonly [name: string, type: keyof typeof recordTypes];
  readonly expected: Expected;
  /** The SOA's zone, when it is not `cluster.local`. */
  readonly zone?: string;
  /** What upstream expects instead, and the row of docs/deviations.md that says why we differ. */
  readonly upstream?: { readonly expects: Expected; readonly row: string };
}

/** A row of most tables: the name without the zone's, its type, and what must come. */
export function rows(
  zone: string,
  list: readonly (readonly [name: string, type: keyof typeof recordTypes, expected: Expected])[],
): readonly Case[] {
  return list.map(([name, type, expected]) => ({
    ask: [name === "" ? zone : `${name}.${zone}`, type],
    expected: typeof expected === "string" ? expected : expected.map((line) => line.replaceAll("@", `.${zone}`)),
  }));
}

/** A case that upstream answers otherwise. */
export function differs(cases: readonly Case[], row: string, expects: Expected): readonly Case[] {
  return cases.map((one) => ({ ...one, upstream: { expects, row } }));
}

const transports = ["udp", "tcp"] as const;
const edns = { udpSize: 4096, version: 0, dnssecOk: false, options: [] };
const deviations = readFileSync(new URL("../../../docs/deviations.md", import.meta.url), "utf8");

/**
 * Asks every case of an upstream file over real UDP and TCP sockets, as it is written and in letters of random case, and
 * compares code and sections without their order. `count` is how many cases there must be, so that none gets lost.
 */
export function replay(file: string, cases: readonly Case[], count: number, make: () => ClusterDns): void {
  describe(file, () => {
    let dns: ClusterDns;
    let listener: DnsListener;
    let port: number;
    let asked = 0;
    beforeAll(async () => {
      dns = make();
      listener = listenDns({ addresses: ["127.0.0.1"], port: 0, answer: dns.answer });
      port = await listener.ready;
    });
    afterAll(async () => {
      await listener.close(0);
      dns.stop();
    });

    const random = seededRandom(count);
    it.each(cases.map((one) => [one.ask.join(" "), one] as const))("%s", async (_, one) => {
      asked++;
      const [name, type] = one.ask;
      for (const transport of transports) {
        for (const spelling of [name, randomCase(name, random), randomCase(name, random)]) {
          const query = encodeMessage({
            ...queryMessage(4711, { name: dnsName(spelling), type: recordTypes[type], class: 1 }),
            edns,
          });
          const message = decodeMessage(await exchange(transport, port, query));
          if (message.kind === "malformed") throw new Error(message.reason);
          expect(message).toMatchObject({ id: 4711, response: true, truncated: false, edns: { version: 0 } });
          expect(message.questions).toEqual([{ name: dnsName(spelling), type: recordTypes[type], class: 1 }]);
          expect(lines(message)).toEqual(expectedLines(one));
          if (one.expected === "NXDOMAIN" || one.expected === "NODATA") expect(message.authoritative).toBe(true);
          keepsLetters(message, spelling);
        }
      }
      if (one.upstream !== undefined) {
        expect(one.upstream.expects).not.toEqual(one.expected);
        expect(deviations).toContain(`\n| ${one.upstream.row} |`);
      }
    });

    it(`were ${count} cases`, () => expect({ asked, cases: cases.length }).toEqual({ asked: count, cases: count }));
  });
}

/** The owner that is the question's name has the question's letters, and the SOA the letters of its zone there. */
function keepsLetters(message: Message, spelling: string): void {
  for (const { name, type } of [...message.answers, ...message.authorities]) {
    const owner = formatName(name).slice(0, -1);
    const own = spelling.slice(-owner.length);
    if (own.toLowerCase() === owner.toLowerCase() && (type === recordTypes.SOA || own === spelling)) {
      expect(owner).toBe(own);
    }
  }
}

/** A message in words, in lower case, without the SOA's serial, and without the order of records. */
function lines(message: Message): readonly string[] {
  const [code, ...records] = words(message);
  return [code ?? "", ...records.map((line) => line.toLowerCase().replace(/ soa (\S+ \S+) \d+ /, " soa $1 _ ")).sort()];
}

function expectedLines({ ask: [name], expected, zone = "cluster.local" }: Case): readonly string[] {
  if (expected === "REFUSED") return ["REFUSED"];
  if (typeof expected === "string") {
    const soa = `ns: ${zone}. 5 in soa ns.dns.${zone}. hostmaster.${zone}. _ 7200 1800 86400 5`;
    return [expected === "NODATA" ? "NOERROR" : expected, soa];
  }
  return ["NOERROR", ...expected.map((line) => expectedLine(line, name).toLowerCase()).sort()];
}

/** `+ host.web A/300 10.0.0.1` as zone files write it. */
function expectedLine(line: string, question: string): string {
  const mark = /^(\+|ns:) /.exec(line)?.[0] ?? "";
  const fields = line.slice(mark.length).split(" ");
  const startsWithType = (fields[0]?.split("/")[0] ?? "") in recordTypes;
  const [owner = "", typeAndTtl = "", ...data] = startsWithType ? [question, ...fields] : fields;
  const [type = "", ttl = "5"] = typeAndTtl.split("/");
  const isName = ["CNAME", "NS", "PTR", "SRV"].includes(type);
  if (type === "SOA") return `${owner}. ${ttl} IN SOA ns.dns.${owner}. hostmaster.${owner}. _ 7200 1800 86400 5`;
  return `${mark}${owner}. ${ttl} IN ${type} ${data.join(" ")}${isName ? "." : ""}`;
}

function randomCase(name: string, random: () => number): string {
  return name.replaceAll(/[a-z]/gi, (letter) => (random() < 0.5 ? letter.toLowerCase() : letter.toUpperCase()));
}

/** One question and its answer over a socket of its own. */
export async function exchange(transport: "udp" | "tcp", port: number, query: Uint8Array): Promise<Uint8Array> {
  const answer = transport === "udp" ? exchangeUdp(port, query) : exchangeTcp(port, query);
  // No Buffer: equal bytes are then equal values.
  return new Uint8Array(await answer);
}

function exchangeUdp(port: number, query: Uint8Array): Promise<Uint8Array> {
  const socket = createSocket("udp4");
  return new Promise<Uint8Array>((resolve, reject) => {
    socket.once("message", resolve);
    socket.once("error", reject);
    socket.send(query, port, "127.0.0.1");
  }).finally(() => socket.close());
}

function exchangeTcp(port: number, query: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, "127.0.0.1", () => {
      // Two segments on purpose: a length may come apart from its message.
      socket.write(Uint8Array.of(query.length >> 8));
      socket.end(Uint8Array.of(query.length & 255, ...query));
    });
    socket.on("data", (chunk) => void chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => resolve(Buffer.concat(chunks).subarray(2)));
  });
}
