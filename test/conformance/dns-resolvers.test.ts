import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ip, seededRandom } from "../../src/core/index.ts";
import { MemoryCache, createClusterDns, createStaticZone, resolvConfOf } from "../../src/dns/index.ts";
import { applyLinkSteps, createNamespace, inNamespace, removeNamespace, runProgram } from "../../src/kernel/index.ts";
import { dnsDialer, listenDns, systemClock } from "../../src/net/index.ts";
import type { DnsListener } from "../../src/net/index.ts";
import { namespace as namespaceOf, service, services, slice, slices } from "../dns/cluster.ts";

// The resolvers that programs in pods really have, in a network namespace with a pod's resolver file: glibc's and musl's
// getaddrinfo(), BIND's and BusyBox's tools.

const listeners: DnsListener[] = [];
let folder: string;
let namespace: string;
/** The same place, where cluster DNS has not heard everything yet. */
let unsyncedNamespace: string;

/** Runs a command where a pod would; `resolver` is the file that it finds as /etc/resolv.conf. */
async function inPod(command: string, resolver = "resolv.conf"): Promise<string> {
  const script = `mount --bind ${join(folder, resolver)} /etc/resolv.conf && ${command}`;
  return runProgram(["unshare", "-m", "sh", "-c", script], {
    namespace: resolver === "unsynced.conf" ? unsyncedNamespace : namespace,
  });
}

/** The lines of a lookup with one of the two C libraries: distinct, without their order. */
async function lookup(library: "glibc" | "musl", family: 0 | 4 | 6, name: string, resolver?: string) {
  const output = await inPod(`${join(folder, library)} ${family} ${name}`, resolver);
  return [...new Set(output.split("\n").filter((line) => line !== ""))].toSorted();
}

const many = (count: number) => Array.from({ length: count }, (_, i) => [`10.244.${i >> 8}.${i & 255}`] as const);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sealane-resolvers-"));
  namespace = join(folder, "node");
  unsyncedNamespace = join(folder, "unsynced");
  const source = fileURLToPath(new URL("dns-resolver.c", import.meta.url));
  await Promise.all([
    runProgram(["gcc", "-o", join(folder, "glibc"), source]),
    runProgram(["musl-gcc", "-static", "-o", join(folder, "musl"), source]),
  ]);
  for (const made of [namespace, unsyncedNamespace]) {
    createNamespace(made, () =>
      applyLinkSteps([
        { kind: "link", name: "lo", state: "up" },
        { kind: "address", link: "lo", address: ip("10.96.0.10"), prefix: 32 },
      ]),
    );
  }
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "tour", name: "web-1" },
    spec: { containers: [] },
  };
  const host = { nameservers: [], searches: ["corp.example"], options: [] };
  const resolver = resolvConfOf(pod, { clusterDomain: "cluster.local", nameservers: ["10.96.0.10"], host });
  writeFileSync(join(folder, "resolv.conf"), resolver);
  writeFileSync(join(folder, "unsynced.conf"), `${resolver}options timeout:1 attempts:1\n`);
  writeFileSync(
    join(folder, "odd.conf"),
    "search _ - tour.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n",
  );
  const sixDomains = Array.from({ length: 7 }, (_, i) => `${"long-domain-of-a-company-".repeat(2)}${i}.example`).join(
    " ",
  );
  writeFileSync(
    join(folder, "long.conf"),
    `search ${sixDomains} tour.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n`,
  );

  const dialer = dnsDialer();
  const clock = systemClock;
  const outside = createStaticZone(
    { "db.example.com": ["192.168.100.50"], bare: ["192.168.100.51"], "intra.corp.example": ["192.168.100.52"] },
    { clock, random: Math.random },
  );
  const caches = (isSynced: boolean) => ({
    services: new MemoryCache(
      [...services, ...[28, 29, 48, 1000].map((count) => service("tour", `big-${count}`, { clusterIP: "None" }))],
      isSynced,
    ),
    endpointSlices: new MemoryCache([
      ...slices,
      ...[28, 29, 48, 1000].map((count) => slice("tour", `big-${count}`, `big-${count}-1`, many(count))),
    ]),
    namespaces: new MemoryCache(["default", "kube-system", "tour", "bare"].map(namespaceOf)),
  });
  const common = {
    upstreams: [{ address: ip("127.0.0.1"), port: 5353 }],
    dial: { send: (...query: Parameters<typeof dialer.send>) => inNamespace(namespace, () => dialer.send(...query)) },
    clock,
    random: seededRandom(1),
    nameservers: [ip("10.96.0.10")],
  };
  const dns = createClusterDns({ ...common, caches: caches(true) });
  const unsynced = createClusterDns({ ...common, caches: caches(false) });
  const listen = (where: string, address: string, port: number, answer: typeof dns.answer) =>
    inNamespace(where, () => listenDns({ addresses: [address], port, answer, synchronous: true }));
  listeners.push(
    listen(namespace, "127.0.0.1", 5353, outside.answer),
    listen(namespace, "10.96.0.10", 53, dns.answer),
    listen(unsyncedNamespace, "10.96.0.10", 53, unsynced.answer),
  );
  await Promise.all(listeners.map(({ ready }) => ready));
});

afterAll(async () => {
  await Promise.all(listeners.map((listener) => listener.close(0)));
  removeNamespace(namespace);
  removeNamespace(unsyncedNamespace);
  rmSync(folder, { recursive: true });
});

describe.each(["glibc", "musl"] as const)("getaddrinfo() of %s", (library) => {
  const table: readonly (readonly [string, 0 | 4 | 6, readonly string[]])[] = [
    ["web", 0, ["10.96.1.1"]],
    ["web.tour", 0, ["10.96.1.1"]],
    ["web.tour.svc", 0, ["10.96.1.1"]],
    ["web.tour.svc.cluster.local", 0, ["10.96.1.1"]],
    ["web.tour.svc.cluster.local.", 0, ["10.96.1.1"]],
    ["WEB.Tour.svc", 4, ["10.96.1.1"]],
    ["kubernetes.default", 4, ["10.96.0.1"]],
    ["kubernetes.default.svc", 4, ["10.96.0.1"]],
    ["db", 4, ["10.244.1.5", "10.244.2.5"]],
    ["db-1.db", 0, ["10.244.2.5"]],
    ["10-244-1-5.tour.pod", 0, ["10.244.1.5"]],
    // Both families, and one of them only
    ["dual", 0, ["10.96.1.3", "fd00:96::3"]],
    ["dual", 4, ["10.96.1.3"]],
    ["dual", 6, ["fd00:96::3"]],
    ["six", 0, ["fd00:96::6"]],
    ["six", 6, ["fd00:96::6"]],
    ["six", 4, ["no such name"]],
    ["web", 6, ["no such name"]],
    ["mixed", 6, ["fd00:244::", "fd00:244::1"]],
    // Other names of the outside, through every search domain
    ["legacy-db", 0, ["192.168.100.50"]],
    ["db.example.com", 0, ["192.168.100.50"]],
    ["db.example.com.", 0, ["192.168.100.50"]],
    ["intra", 0, ["192.168.100.52"]],
    ["nothing", 0, ["no such name"]],
    ["nothing.example.com", 0, ["no such name"]],
    ["empty", 0, ["no such name"]],
    ["a-name.which.nobody.has.ever.given.to.anything", 0, ["no such name"]],
  ];
  it.each(table)("finds %s (family %i): %j", async (name, family, expected) => {
    // A retry after a lost or unreadable answer would take five seconds.
    const start = performance.now();
    expect(await lookup(library, family, name)).toEqual(expected);
    expect(performance.now() - start).toBeLessThan(4000);
  });

  it("gets all of an answer that fits 512 bytes exactly", async () => {
    expect(await lookup(library, 4, "big-28")).toHaveLength(28);
  });

  it("tries again where nothing is certain, and does not believe in an absence", async () => {
    expect(await lookup(library, 4, "nothing.tour.svc.cluster.local.", "unsynced.conf")).toEqual(["try again"]);
    expect(await lookup(library, 4, "web.tour.svc.cluster.local.", "unsynced.conf")).toEqual(["10.96.1.1"]);
  });

  it("goes through a search list with odd entries", async () => {
    expect(await lookup(library, 4, "web", "odd.conf")).toEqual(["10.96.1.1"]);
  });
});

describe("getaddrinfo()", () => {
  it("of glibc passes over the root in a search list", async () => {
    writeFileSync(
      join(folder, "root.conf"),
      "search . tour.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5 timeout:1 attempts:1\n",
    );
    expect(await lookup("glibc", 4, "web", "root.conf")).toEqual(["10.96.1.1"]);
  });

  it("of glibc goes through search lists of more than six domains and 256 bytes", async () => {
    expect(await lookup("glibc", 4, "web", "long.conf")).toEqual(["10.96.1.1"]);
  });

  it("of glibc turns to TCP for what does not fit, and gets it whole", async () => {
    expect(await lookup("glibc", 4, "big-48")).toHaveLength(48);
    expect(await lookup("glibc", 4, "big-1000")).toHaveLength(1000);
  });

  it("of musl makes do with the part that fits, up to its own limit of 48", async () => {
    for (const name of ["big-29", "big-48", "big-1000"]) {
      const found = await lookup("musl", 4, name);
      expect(found.length).toBeGreaterThanOrEqual(28);
      expect(found.length).toBeLessThanOrEqual(48);
      expect(found.every((address) => address.startsWith("10.244."))).toBe(true);
    }
  });

  it("tells an absence from a name without addresses: glibc searches on after both, musl after the first only", async () => {
    // `bare` is a namespace, so `bare.svc.cluster.local` exists, and has no address; the name itself is outside.
    expect(await lookup("glibc", 4, "bare")).toEqual(["192.168.100.51"]);
    expect(await lookup("musl", 4, "bare")).toEqual(["no such name"]);
    expect(await lookup("musl", 4, "bare.")).toEqual(["192.168.100.51"]);
  });
});

describe("tools of pods", () => {
  const table: readonly (readonly [string, RegExp])[] = [
    ["host web", /^web\.tour\.svc\.cluster\.local has address 10\.96\.1\.1$/m],
    ["host -t SRV _http._tcp.web.tour.svc", /has SRV record 0 100 80 web\.tour\.svc\.cluster\.local\.$/m],
    ["host -t AAAA six.tour", /^six\.tour\.svc\.cluster\.local has IPv6 address fd00:96::6$/m],
    ["host 10.96.1.1", /^1\.1\.96\.10\.in-addr\.arpa domain name pointer web\.tour\.svc\.cluster\.local\.$/m],
    ["host -t TXT dns-version.cluster.local", /descriptive text "1\.1\.0"$/m],
    ["host -T big-1000 | grep -c address", /^1000$/m],
    ["host legacy-db", /is an alias for db\.example\.com\.\n[\s\S]*^db\.example\.com has address 192\.168\.100\.50$/m],
    ["host nothing || true", /not found: 3\(NXDOMAIN\)/],
    ["nslookup web", /^Name:\s+web\.tour\.svc\.cluster\.local\nAddress: 10\.96\.1\.1$/m],
    ["nslookup dual", /^Address: 10\.96\.1\.3\n[\s\S]*^Address: fd00:96::3$/m],
    ["nslookup 10.96.1.1", /name = web\.tour\.svc\.cluster\.local\.$/m],
    [
      "nslookup -type=srv _http._tcp.web.tour.svc.cluster.local",
      /service = 0 100 80 web\.tour\.svc\.cluster\.local\.$/m,
    ],
    ["nslookup nothing || true", /server can't find nothing[\w.]*: NXDOMAIN/],
    ["busybox nslookup web.tour.svc.cluster.local", /^Name:\s+web\.tour\.svc\.cluster\.local\nAddress: 10\.96\.1\.1$/m],
    // Tells of every domain of the search list where the name is not, and counts them as failures.
    ["busybox nslookup web || true", /^Name:\s+web\.tour\.svc\.cluster\.local\nAddress: 10\.96\.1\.1$/m],
    ["busybox nslookup dual.tour.svc.cluster.local", /^Address: 10\.96\.1\.3\n[\s\S]*^Address: fd00:96::3$/m],
    ["busybox nslookup 10.96.1.1", /name = web\.tour\.svc\.cluster\.local$/m],
    [
      "busybox nslookup nothing.tour.svc.cluster.local || true",
      /can't find nothing\.tour\.svc\.cluster\.local: NXDOMAIN/,
    ],
    // Asks for IPv4 only, because no interface has an IPv6 address.
    ["getent ahosts dual", /^10\.96\.1\.3\s+STREAM\s+dual\.tour\.svc\.cluster\.local$/m],
    ["getent hosts 10.96.1.1", /^10\.96\.1\.1\s+web\.tour\.svc\.cluster\.local$/m],
    ["getent ahostsv4 big-1000 | grep -c STREAM", /^1000$/m],
    ["dig +short +search web", /^10\.96\.1\.1$/m],
    ["dig +search +cookie web", /COOKIE: [0-9a-f]{16}/],
  ];
  it.each(table)("%s", async (command, expected) => expect(await inPod(command)).toMatch(expected));
});
