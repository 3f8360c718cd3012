import { describe, expect, it, onTestFinished } from "vitest";
import { clusterCaches, outside, queryBytes, silent } from "../../../test/dns/cluster.ts";
import { decodeMessage, recordTypes } from "../../codec/index.ts";
import { ManualClock, ip, seededRandom } from "../../core/index.ts";
import type { Pod } from "../../objects/index.ts";
import { ClusterDataShelf } from "../cluster-data.ts";
import { readCorefile } from "../corefile/read-corefile.ts";
import { createDnsServer } from "../dns-server.ts";
import { MemoryCache } from "../memory-cache.ts";
import type { UpstreamDialer } from "../upstream.ts";
import type { QuestionNote } from "./question-note.ts";

const client = { address: "10.244.1.5", port: 40_000 };
const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace: "tour", name: "a", uid: "a" },
  spec: { containers: [] },
  status: { phase: "Running", podIP: client.address, podIPs: [{ ip: client.address }] },
};

/** A server of this configuration, in the cluster that all DNS tests share. */
function server(corefile: string, dial: UpstreamDialer = outside) {
  const clock = new ManualClock(1_700_000_000_000);
  const configuration = readCorefile(corefile, "Corefile", { environment: () => undefined, readText: () => undefined });
  const data = new ClusterDataShelf({ ...clusterCaches(), pods: new MemoryCache([pod]) }, clock);
  const made = createDnsServer(configuration, {
    clock,
    random: seededRandom(1),
    dial,
    data,
    nameservers: [ip("10.96.0.10")],
  });
  onTestFinished(() => made.stop());
  const explain = async (name: string, type: keyof typeof recordTypes = "A") => {
    const notes: QuestionNote[] = [];
    const [endpoint] = made.endpoints;
    const bytes = queryBytes(name, recordTypes[type]);
    const explained = await endpoint?.explain((note) => void notes.push(note), bytes, "udp", client);
    return { notes: notes.map(noteText), explained, plain: () => endpoint?.answer(bytes, "udp", client) };
  };
  return { explain, clock, made };
}

function noteText(note: QuestionNote): string {
  switch (note.kind) {
    case "answered":
      return `${note.plugin}: ${note.name} ${note.type} ${note.rcode}`;
    case "looks-up":
      return `${note.plugin} looks up ${note.name} ${note.type}`;
    case "remembered":
      return `remembered for ${note.ageSeconds} s, ${note.leftSeconds} s left`;
    case "upstream":
      return `${note.server} over ${note.transport}: ${note.outcome}`;
  }
}

const all = (plugins: string) => `. {
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    pods verified
    fallthrough in-addr.arpa ip6.arpa
  }
  forward . 192.168.100.1
  ${plugins}
}`;
const web = "web.tour.svc.cluster.local";

const table: readonly (readonly [
  plugins: string,
  name: string,
  type: keyof typeof recordTypes,
  notes: readonly string[],
])[] = [
  ["", web, "A", [`kubernetes: ${web}. A NOERROR`]],
  ["", "nothing.tour.svc.cluster.local", "A", ["kubernetes: nothing.tour.svc.cluster.local. A NXDOMAIN"]],
  ["", "1.1.96.10.in-addr.arpa", "PTR", ["reverse: 1.1.96.10.in-addr.arpa. PTR NOERROR"]],
  [
    "",
    "9.9.9.9.in-addr.arpa",
    "PTR",
    ["192.168.100.1:53 over udp: NXDOMAIN", "forward: 9.9.9.9.in-addr.arpa. PTR NXDOMAIN"],
  ],
  ["", "db.example.com", "A", ["192.168.100.1:53 over udp: NOERROR", "forward: db.example.com. A NOERROR"]],
  // What an ExternalName leads to
  [
    "",
    "legacy-db.tour.svc.cluster.local",
    "A",
    [
      "192.168.100.1:53 over udp: NOERROR",
      "forward: db.example.com. A NOERROR",
      "kubernetes: legacy-db.tour.svc.cluster.local. A NOERROR",
    ],
  ],
  ["hosts {\n 10.0.0.9 box.lan\n fallthrough\n }", "box.lan", "A", ["hosts: box.lan. A NOERROR"]],
  ["acl {\n block type AAAA\n }", web, "AAAA", [`acl: ${web}. AAAA REFUSED`]],
  ["any", web, "ANY", [`any: ${web}. ANY NOERROR`]],
  [
    "rewrite name old.example.org web.tour.svc.cluster.local",
    "old.example.org",
    "A",
    [`rewrite looks up ${web}. A`, `kubernetes: ${web}. A NOERROR`],
  ],
  [
    "autopath @kubernetes",
    "db.example.com.tour.svc.cluster.local",
    "A",
    [
      "kubernetes: db.example.com.tour.svc.cluster.local. A NXDOMAIN",
      "autopath looks up db.example.com.svc.cluster.local. A",
      "kubernetes: db.example.com.svc.cluster.local. A NXDOMAIN",
      "autopath looks up db.example.com.cluster.local. A",
      "kubernetes: db.example.com.cluster.local. A NXDOMAIN",
      "autopath looks up db.example.com. A",
      "192.168.100.1:53 over udp: NOERROR",
      "forward: db.example.com. A NOERROR",
    ],
  ],
];

describe("the explained answer of a server", () => {
  it.each(table)("with %s for %s %s", async (plugins, name, type, notes) => {
    const { explain } = server(all(plugins));
    const { notes: said, explained, plain } = await explain(name, type);
    expect(said).toEqual(notes);
    // The same answer as nobody explained.
    const read = (bytes: typeof explained) => decodeMessage(bytes ?? new Uint8Array());
    expect(read(explained)).toEqual(read(await plain()));
  });

  it("tells what was remembered, and how old it is", async () => {
    const { explain, clock } = server(all("cache 30"));
    expect((await explain("db.example.com")).notes).toEqual([
      "192.168.100.1:53 over udp: NOERROR",
      "forward: db.example.com. A NOERROR",
    ]);
    clock.advance(12_000);
    expect((await explain("db.example.com")).notes).toEqual([
      "remembered for 12 s, 18 s left",
      "forward: db.example.com. A NOERROR",
    ]);
  });

  it("tells of upstreams that are silent", async () => {
    const { explain, clock } = server(all(""), silent);
    const explained = explain("db.example.com");
    for (let i = 0; i < 10; i++) {
      clock.advance(1000);
      await Promise.resolve();
    }
    expect((await explained).notes).toEqual([
      "192.168.100.1:53 over udp: timeout",
      "192.168.100.1:53 over udp: timeout",
      "forward: db.example.com. A SERVFAIL",
    ]);
  });

  it("says that nobody is for a name", async () => {
    const { explain } = server(
      "cluster.local {\n kubernetes\n }\n example.org {\n hosts {\n 10.0.0.9 x.example.org\n fallthrough\n }\n }",
    );
    expect((await explain("y.example.org")).notes).toEqual(["none: y.example.org. A REFUSED"]);
  });

  it("counts as any other answer", async () => {
    const { explain, made } = server(all(""));
    await explain(web);
    expect(made.stats().answers).toEqual({ NOERROR: 1 });
  });
});
