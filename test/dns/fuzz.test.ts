import { describe, expect, it } from "vitest";
import { decodeMessage, decodeQuery, encodeMessage } from "../../src/codec/index.ts";
import { seededRandom } from "../../src/core/index.ts";
import type { ClusterDns } from "../../src/dns/index.ts";
import { cluster, query, words } from "./cluster.ts";
import { corpus, mutated } from "./fuzz.ts";

// The same 10,000 inputs in every run; `SEALANE_FUZZ_SECONDS=60 npx vitest run --project unit test/dns/fuzz` tries new ones.
const seconds = Number(process.env["SEALANE_FUZZ_SECONDS"] ?? 0);
const seeds = corpus();

/** Does everything with a message that a stranger can make happen; says what went wrong, or nothing. */
function tried(dns: ClusterDns, bytes: Uint8Array): string | undefined {
  const before = bytes.slice();
  const message = decodeMessage(bytes);
  if (message.kind === "message") {
    // What could be read can be written, and is read the same again.
    const again = encodeMessage(message);
    const read = decodeMessage(again);
    if (read.kind !== "message") return `its own writing is malformed: ${read.reason}`;
    if (Buffer.compare(encodeMessage(read), again) !== 0) return "a message changes each time that it is written";
  }
  const asked = decodeQuery(bytes);
  for (const transport of ["udp", "tcp"] as const) {
    const answer = dns.answer(bytes, transport, { address: "10.244.1.5", port: 4000 });
    if (answer instanceof Promise) return "a promise without upstreams";
    if ((answer === undefined) !== (asked.kind === "ignore")) return "an answer to what none may be sent to, or none";
    if (answer === undefined) continue;
    if (transport === "udp" && answer.length > Math.max(512, asked.kind === "query" ? (asked.edns?.udpSize ?? 0) : 0)) {
      return `${answer.length} bytes over UDP`;
    }
    const reply = decodeMessage(answer);
    if (reply.kind !== "message") return `an answer that is malformed: ${reply.reason}`;
    if (!reply.response || answer[0] !== bytes[0] || answer[1] !== bytes[1]) return "an answer to somebody else";
    if (asked.kind === "query") {
      const [question] = reply.questions;
      if (question === undefined || Buffer.compare(question.name, asked.name) !== 0) return "another question";
    }
  }
  return Buffer.compare(before, bytes) === 0 ? undefined : "the query's bytes were changed";
}

describe("any bytes", () => {
  it("of the corpus are answered or dropped", () => {
    const dns = cluster({ upstreams: [], cookieSecret: new Uint8Array(16) });
    expect(seeds.length).toBeGreaterThan(35);
    for (const { label, bytes } of seeds) {
      expect({ label, problem: tried(dns, bytes) }).toEqual({ label, problem: undefined });
      if (label.startsWith("bad "))
        expect([label, decodeQuery(bytes)]).toMatchObject([label, { kind: "reject", rcode: 1 }]);
      for (let length = 0; length < bytes.length; length++) {
        expect({ label, length, problem: tried(dns, bytes.slice(0, length)) }).toMatchObject({ problem: undefined });
      }
    }
  });

  it("made from it are answered or dropped, and the server goes on", { timeout: 20_000 + 1000 * seconds }, async () => {
    const dns = cluster({ upstreams: [], cookieSecret: new Uint8Array(16) });
    const random = seconds > 0 ? Math.random : seededRandom(1034);
    const until = Date.now() + 1000 * seconds;
    const kinds = new Map<string, number>();
    let runs = 0;
    const goesOn = () => (seconds > 0 ? Date.now() < until : runs < 10_000);
    while (goesOn()) {
      runs++;
      const bytes = mutated(seeds, random);
      const problem = tried(dns, bytes);
      if (problem !== undefined) expect({ problem, input: Buffer.from(bytes).toString("hex") }).toBeUndefined();
      const { kind } = decodeQuery(bytes);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    // It saw good queries, bad ones and what is no query.
    for (const kind of ["query", "reject", "ignore"]) expect(kinds.get(kind) ?? 0).toBeGreaterThan(runs / 50);
    expect(words(await query(dns, "web.tour.svc.cluster.local", "A"))[0]).toBe("NOERROR");
    expect(dns.stats().received.udp).toBe(runs + 1);
  });
});
