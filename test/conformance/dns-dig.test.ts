import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ip, seededRandom } from "../../src/core/index.ts";
import { MemoryCache, createClusterDns, createStaticZone } from "../../src/dns/index.ts";
import { applyLinkSteps, createNamespace, inNamespace, removeNamespace, runProgram } from "../../src/kernel/index.ts";
import { dnsDialer, listenDns, systemClock } from "../../src/net/index.ts";
import type { DnsListener } from "../../src/net/index.ts";
import { namespace as namespaceOf, service, services, slice, slices } from "../dns/cluster.ts";

const listeners: DnsListener[] = [];
let folder: string;
let namespace: string;

/** What `dig` printed, without empty lines. */
async function dig(...args: readonly string[]): Promise<readonly string[]> {
  const output = await runProgram(["dig", "@127.0.0.1", "+tries=1", "+time=2", ...args], { namespace });
  return output.split("\n").filter((line) => line !== "");
}

async function short(...args: readonly string[]): Promise<readonly string[]> {
  return (await dig("+short", ...args)).toSorted();
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sealane-dig-"));
  namespace = join(folder, "node");
  createNamespace(namespace, () => applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]));
  const dialer = dnsDialer();
  const outside = createStaticZone(
    { "db.example.com": ["192.168.100.50"], "www.example.com": ["192.168.100.51"] },
    { clock: systemClock, random: Math.random },
  );
  const many = Array.from({ length: 1000 }, (_, i) => [`10.244.${i >> 8}.${i & 255}`] as const);
  const dns = createClusterDns({
    caches: {
      services: new MemoryCache([...services, service("tour", "big", { clusterIP: "None" })]),
      endpointSlices: new MemoryCache([...slices, slice("tour", "big", "big-1", many)]),
      namespaces: new MemoryCache(["default", "kube-system", "tour"].map(namespaceOf)),
    },
    upstreams: [{ address: ip("127.0.0.1"), port: 5353 }],
    dial: { send: (...query) => inNamespace(namespace, () => dialer.send(...query)) },
    clock: systemClock,
    random: seededRandom(1),
    nameservers: [ip("10.96.0.10")],
  });
  const listen = (port: number, answer: typeof dns.answer) =>
    inNamespace(namespace, () => listenDns({ addresses: ["127.0.0.1"], port, answer, synchronous: true }));
  listeners.push(listen(5353, outside.answer), listen(53, dns.answer));
  await Promise.all(listeners.map(({ ready }) => ready));
});

afterAll(async () => {
  await Promise.all(listeners.map((listener) => listener.close(0)));
  removeNamespace(namespace);
  rmSync(folder, { recursive: true });
});

describe.each([[[]], [["+tcp"]], [["+noedns"]], [["+bufsize=4096"]], [["+dnssec"]], [["+noedns", "+tcp"]]])(
  "dig %j",
  (flags) => {
    const table: readonly (readonly [readonly string[], readonly string[]])[] = [
      [["web.tour.svc.cluster.local"], ["10.96.1.1"]],
      [["wEb.TouR.svc.cluster.local"], ["10.96.1.1"]],
      [["dual.tour.svc.cluster.local", "AAAA"], ["fd00:96::3"]],
      [["db.tour.svc.cluster.local"], ["10.244.1.5", "10.244.2.5"]],
      [["db-0.db.tour.svc.cluster.local"], ["10.244.1.5"]],
      [["_http._tcp.web.tour.svc.cluster.local", "SRV"], ["0 100 80 web.tour.svc.cluster.local."]],
      [
        ["_sql._tcp.db.tour.svc.cluster.local", "SRV"],
        ["0 33 5432 db-0.db.tour.svc.cluster.local.", "0 33 5432 db-1.db.tour.svc.cluster.local."],
      ],
      [["legacy-db.tour.svc.cluster.local"], ["192.168.100.50", "db.example.com."]],
      [["-x", "10.96.1.1"], ["web.tour.svc.cluster.local."]],
      [["-x", "192.168.100.51"], ["www.example.com."]],
      [["dns-version.cluster.local", "TXT"], ['"1.1.0"']],
      [["10-244-1-5.tour.pod.cluster.local"], ["10.244.1.5"]],
      [["db.example.com"], ["192.168.100.50"]],
      [["nothing.tour.svc.cluster.local"], []],
    ];
    it.each(table)("%j", async (args, expected) => expect(await short(...flags, ...args)).toEqual(expected));
  },
);

describe("dig", () => {
  it("reads the flags, the OPT record and the SOA record of a denial", async () => {
    const lines = await dig("nothing.tour.svc.cluster.local");
    expect(lines.join("\n")).toMatch(/status: NXDOMAIN/);
    expect(lines.join("\n")).toMatch(/flags: qr aa rd; QUERY: 1, ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 1/);
    expect(lines.join("\n")).toMatch(/EDNS: version: 0, flags:; udp: \d+/);
    expect(lines.join("\n")).toMatch(
      /^cluster\.local\.\s+5\s+IN\s+SOA\s+ns\.dns\.cluster\.local\. hostmaster\.cluster\.local\. \d+ 7200 1800 86400 5$/m,
    );
  });

  it("turns to TCP when an answer is cut, and gets all of it", async () => {
    expect(await short("big.tour.svc.cluster.local")).toHaveLength(1000);
    const cut = await dig("+ignore", "+noedns", "big.tour.svc.cluster.local");
    expect(cut.join("\n")).toMatch(/flags: qr aa tc rd; QUERY: 1, ANSWER: 29,/);
    expect(await short("+ignore", "+nocookie", "+bufsize=4096", "big.tour.svc.cluster.local")).toHaveLength(252);
  });

  it("sees other versions, classes, types and operations refused", async () => {
    const status = async (...args: readonly string[]) =>
      / (?:status: )([A-Z]+)/.exec((await dig(...args)).join("\n"))?.[1];
    expect(await status("+edns=1", "+noednsnegotiation", "web.tour.svc.cluster.local")).toBe("BADVERS");
    expect(await status("CH", "TXT", "version.bind")).toBe("REFUSED");
    expect(await status("+opcode=STATUS", "web.tour.svc.cluster.local")).toBe("NOTIMP");
    expect(await status("+header-only")).toBe("FORMERR");
    expect(await status("ANY", "web.tour.svc.cluster.local")).toBe("NOERROR");
    expect(await dig("AXFR", "cluster.local")).toContain("; Transfer failed.");
  });

  it("keeps one TCP connection for several questions", async () => {
    const lines = await dig(
      "+keepopen",
      "+tcp",
      "+short",
      "web.tour.svc.cluster.local",
      "+keepopen",
      "+tcp",
      "+short",
      "dual.tour.svc.cluster.local",
    );
    expect(lines).toEqual(["10.96.1.1", "10.96.1.3"]);
  });

  it("gets a cookie that it finds good, and FORMERR for half of one", async () => {
    expect((await dig("web.tour.svc.cluster.local")).join("\n")).toMatch(/^; COOKIE: [0-9a-f]{48} \(good\)$/m);
    const whole = await dig("+cookie=0123456789abcdef0100000000000000aaaaaaaaaaaaaaaa", "web.tour.svc.cluster.local");
    expect(whole.join("\n")).toMatch(/^; COOKIE: 0123456789abcdef01000000[0-9a-f]{24} \(good\)$/m);
    expect((await dig("+ednsopt=10:0123456789", "+nocookie", "web.tour.svc.cluster.local")).join("\n")).toMatch(
      /status: FORMERR/,
    );
  });

  it("finds short names by the search list of a pod", async () => {
    const search = ["+search", "+domain=tour.svc.cluster.local"];
    expect(await short(...search, "web")).toEqual(["10.96.1.1"]);
  });

  it("reads no message as malformed", async () => {
    for (const name of [
      "web.tour.svc.cluster.local",
      "_http._tcp.mixed.tour.svc.cluster.local",
      "legacy-db.tour.svc.cluster.local",
    ]) {
      for (const type of ["A", "AAAA", "SRV", "TXT", "NS", "SOA", "CNAME", "MX", "HTTPS", "TYPE65280", "ANY"]) {
        expect(
          (await dig(name, type)).filter((line) => /malformed|extra bytes|trailing|mismatch|\bbad\b/i.test(line)),
        ).toEqual([]);
      }
    }
  });
});
