import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cluster,
  namespace,
  nodata,
  nxdomain,
  query,
  queryBytes,
  service,
  services,
  silent,
  slice,
  slices,
  soa,
  words,
} from "../../test/dns/cluster.ts";
import type { Ask } from "../../test/dns/cluster.ts";
import { decodeMessage, formatRecord, recordTypes } from "../codec/index.ts";
import type { Edns } from "../codec/index.ts";
import { ManualClock, ip } from "../core/index.ts";
import type { EndpointSlice, Pod, Service } from "../objects/index.ts";
import { MemoryCache } from "./memory-cache.ts";

describe("createClusterDns()", () => {
  it("is authoritative for the cluster's names, and offers recursion for others only", async () => {
    const dns = cluster();
    expect(await query(dns, "web.tour.svc.cluster.local", "A")).toMatchObject({
      authoritative: true,
      recursionAvailable: false,
    });
    expect(await query(dns, "x.tour.svc.cluster.local", "A")).toMatchObject({
      authoritative: true,
      recursionAvailable: false,
    });
    expect(await query(dns, "db.example.com", "A")).toMatchObject({ authoritative: false, recursionAvailable: true });
  });

  it("answers what it knows without a promise", () => {
    const dns = cluster();
    expect(dns.answer(queryBytes("web.tour.svc.cluster.local", 1), "udp")).toBeInstanceOf(Uint8Array);
    expect(dns.answer(queryBytes("db.example.com", 1), "udp")).toBeInstanceOf(Promise);
  });

  it("keeps the letters of the question, in owners, targets and the zone of the SOA", async () => {
    const dns = cluster();
    expect(words(await query(dns, "wEb.TouR.sVc.cLuStEr.LoCaL", "A"))).toEqual([
      "NOERROR",
      "wEb.TouR.sVc.cLuStEr.LoCaL. 5 IN A 10.96.1.1",
    ]);
    expect(words(await query(dns, "No.TouR.svc.ClUsTeR.lOcAl", "A"))).toEqual([
      "NXDOMAIN",
      "ns: ClUsTeR.lOcAl. 5 IN SOA ns.dns.ClUsTeR.lOcAl. hostmaster.ClUsTeR.lOcAl. 1700000000 7200 1800 86400 5",
    ]);
    expect(words(await query(dns, "_HtTp._TcP.WEB.tour.svc.cLuStEr.LoCaL", "SRV"))).toEqual([
      "NOERROR",
      "_HtTp._TcP.WEB.tour.svc.cLuStEr.LoCaL. 5 IN SRV 0 100 80 web.tour.svc.cLuStEr.LoCaL.",
      "+ web.tour.svc.cLuStEr.LoCaL. 5 IN A 10.96.1.1",
    ]);
    expect(words(await query(dns, "Cluster.Local", "NS"))[1]).toBe(
      "Cluster.Local. 5 IN NS kube-dns.kube-system.svc.Cluster.Local.",
    );
    expect(words(await query(dns, "NS.dns.Cluster.Local", "A"))[1]).toBe("NS.dns.Cluster.Local. 5 IN A 10.96.0.10");
    expect(words(await query(dns, "DB.Example.com", "A"))[1]).toBe("DB.Example.com. 30 IN A 192.168.100.50");
  });

  it("turns the order of addresses, so that each comes first", async () => {
    const dns = cluster();
    const firsts = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const [first] = (await query(dns, "mixed.tour.svc.cluster.local", "A")).answers;
      if (first !== undefined) firsts.add(formatRecord(first));
    }
    expect(firsts.size).toBe(4);
  });

  it("refuses other names when there is no upstream, but knows that addresses have no name", async () => {
    const dns = cluster({ upstreams: [] });
    expect(words(await query(dns, "db.example.com", "A"))).toEqual(["REFUSED"]);
    expect(words(await query(dns, "99.1.96.10.in-addr.arpa", "PTR"))).toEqual([
      "NXDOMAIN",
      "ns: in-addr.arpa. 5 IN SOA ns.dns.in-addr.arpa. hostmaster.in-addr.arpa. 1700000000 7200 1800 86400 5",
    ]);
    expect(words(await query(dns, "legacy-db.tour.svc.cluster.local", "A"))).toEqual([
      "NOERROR",
      "legacy-db.tour.svc.cluster.local. 5 IN CNAME db.example.com.",
    ]);
  });

  it("never asks itself", async () => {
    const dns = cluster({ upstreams: [{ address: ip("10.96.0.10"), port: 53 }], dial: silent });
    expect(words(await query(dns, "db.example.com", "A"))).toEqual(["REFUSED"]);
  });

  it("serves another domain when told to", async () => {
    const dns = cluster({ domain: "Lab.Test" });
    expect(words(await query(dns, "web.tour.svc.lab.test", "A"))).toEqual([
      "NOERROR",
      "web.tour.svc.lab.test. 5 IN A 10.96.1.1",
    ]);
    expect(words(await query(dns, "web.tour.svc.cluster.local", "A"))).toEqual(["NXDOMAIN"]);
  });

  it("caps the time of negative answers", async () => {
    const message = await query(cluster({ ttl: 3600 }), "no.tour.svc.cluster.local", "A");
    expect(words(message)[1]).toBe(
      "ns: cluster.local. 300 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1700000000 7200 1800 86400 3600",
    );
  });
});

describe("pod names", () => {
  const pod = (name: string, podIP: string, fields: Partial<Pod["spec"]> = {}): Pod => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "tour", name },
    spec: { containers: [], ...fields },
    status: { phase: "Running", podIP, podIPs: [{ ip: podIP }] },
  });
  const caches = () => ({
    services: new MemoryCache(services),
    endpointSlices: new MemoryCache(slices),
    namespaces: new MemoryCache(["tour", "bare"].map(namespace)),
    pods: new MemoryCache([pod("a", "10.244.1.5"), pod("b", "192.168.100.11", { hostNetwork: true })]),
  });

  it("do not exist when disabled", async () => {
    const dns = cluster({ caches: caches(), podRecords: "disabled" });
    expect(words(await query(dns, "10-244-1-5.tour.pod.cluster.local", "A"))).toEqual(nxdomain);
  });

  it("exist for pods only when verified", async () => {
    const all = caches();
    const dns = cluster({ caches: all, podRecords: "verified" });
    const code = async (name: string) => words(await query(dns, name, "A"))[0];
    expect(await code("10-244-1-5.tour.pod.cluster.local")).toBe("NOERROR");
    expect(await code("10-244-1-6.tour.pod.cluster.local")).toBe("NXDOMAIN");
    expect(await code("10-244-1-5.bare.pod.cluster.local")).toBe("NXDOMAIN");
    // A pod in the host's network has its node's address.
    expect(await code("192-168-100-11.tour.pod.cluster.local")).toBe("NOERROR");
    all.pods.set({ ...pod("c", "10.244.1.7"), status: { phase: "Succeeded", podIP: "10.244.1.7" } });
    expect(await code("10-244-1-7.tour.pod.cluster.local")).toBe("NXDOMAIN");
    all.pods.set(pod("a2", "10.244.1.5"));
    all.pods.delete("tour", "a");
    expect(await code("10-244-1-5.tour.pod.cluster.local")).toBe("NOERROR");
    all.pods.delete("tour", "a2");
    expect(await code("10-244-1-5.tour.pod.cluster.local")).toBe("NXDOMAIN");
  });

  it("need pods to verify", () => {
    expect(() => cluster({ podRecords: "verified" })).toThrow(TypeError);
  });

  it("exist in any namespace when namespaces are not known", async () => {
    const { services, endpointSlices } = caches();
    const dns = cluster({ caches: { services, endpointSlices } });
    expect(words(await query(dns, "10-1-1-1.bare.pod.cluster.local", "A"))[0]).toBe("NOERROR");
    expect(words(await query(dns, "bare.svc.cluster.local", "A"))[0]).toBe("NXDOMAIN");
    expect(words(await query(dns, "tour.svc.cluster.local", "A"))).toEqual(nodata);
  });
});

describe("changes", () => {
  it("show in the next answer and in the serial", async () => {
    const clock = new ManualClock(1_700_000_000_000);
    const caches = { services: new MemoryCache<Service>(), endpointSlices: new MemoryCache<EndpointSlice>() };
    const dns = cluster({ caches, clock });
    const ask = async (name: string, type: keyof typeof recordTypes = "A") =>
      words(await query(dns, name, type)).slice(0, 3);
    expect((await ask("new.tour.svc.cluster.local"))[0]).toBe("NXDOMAIN");

    clock.advance(5000);
    caches.endpointSlices.set(slice("tour", "new", "new-1", [["10.244.1.1", "a"]]));
    expect((await ask("new.tour.svc.cluster.local"))[0]).toBe("NXDOMAIN");
    caches.services.set(service("tour", "new", { clusterIP: "None" }));
    expect(await ask("new.tour.svc.cluster.local")).toEqual([
      "NOERROR",
      "new.tour.svc.cluster.local. 5 IN A 10.244.1.1",
    ]);
    expect(await ask("1.1.244.10.in-addr.arpa", "PTR")).toEqual([
      "NOERROR",
      "1.1.244.10.in-addr.arpa. 5 IN PTR a.new.tour.svc.cluster.local.",
    ]);
    expect(dns.stats()).toMatchObject({ services: 1, endpointAddresses: 1, serial: 1_700_000_005 });

    // What DNS does not show does not count as a change.
    clock.advance(5000);
    caches.services.set({
      ...service("tour", "new", { clusterIP: "None" }),
      metadata: { namespace: "tour", name: "new", labels: { a: "b" } },
    });
    expect(dns.stats().serial).toBe(1_700_000_005);

    // An endpoint that moves to another slice never disappears.
    caches.endpointSlices.set(
      slice("tour", "new", "new-2", [
        ["10.244.1.1", "a"],
        ["10.244.1.2", "b"],
      ]),
    );
    caches.endpointSlices.delete("tour", "new-1");
    expect(await ask("a.new.tour.svc.cluster.local")).toEqual([
      "NOERROR",
      "a.new.tour.svc.cluster.local. 5 IN A 10.244.1.1",
    ]);
    expect((await ask("1.1.244.10.in-addr.arpa", "PTR"))[0]).toBe("NOERROR");
    expect(dns.stats()).toMatchObject({ endpointAddresses: 2, serial: 1_700_000_010 });

    caches.services.set(service("tour", "new", { clusterIP: "10.96.5.5", clusterIPs: ["10.96.5.5"] }));
    expect(await ask("new.tour.svc.cluster.local")).toEqual([
      "NOERROR",
      "new.tour.svc.cluster.local. 5 IN A 10.96.5.5",
    ]);
    expect(await ask("5.5.96.10.in-addr.arpa", "PTR")).toEqual([
      "NOERROR",
      "5.5.96.10.in-addr.arpa. 5 IN PTR new.tour.svc.cluster.local.",
    ]);
    caches.services.set(service("tour", "new", { type: "ExternalName", externalName: "web.example.com" }));
    expect((await ask("5.5.96.10.in-addr.arpa", "PTR"))[0]).toBe("NXDOMAIN");
    expect(await ask("new.tour.svc.cluster.local", "CNAME")).toEqual([
      "NOERROR",
      "new.tour.svc.cluster.local. 5 IN CNAME web.example.com.",
    ]);

    caches.services.delete("tour", "new");
    expect((await ask("new.tour.svc.cluster.local"))[0]).toBe("NXDOMAIN");
    expect((await ask("1.1.244.10.in-addr.arpa", "PTR"))[0]).toBe("NXDOMAIN");
    caches.endpointSlices.delete("tour", "new-2");
    expect(dns.stats()).toMatchObject({ services: 0, endpointAddresses: 0 });
  });

  it("follow a slice that changes its Service", async () => {
    const endpointSlices = new MemoryCache([slice("tour", "one", "s", [["10.244.1.1"]])]);
    const headless = ["one", "two"].map((name) => service("tour", name, { clusterIP: "None" }));
    const dns = cluster({ caches: { services: new MemoryCache(headless), endpointSlices } });
    const code = async (name: string) => words(await query(dns, `${name}.tour.svc.cluster.local`, "A"))[0];
    expect([await code("one"), await code("two")]).toEqual(["NOERROR", "NXDOMAIN"]);
    endpointSlices.set(slice("tour", "two", "s", [["10.244.1.1"]]));
    expect([await code("one"), await code("two")]).toEqual(["NXDOMAIN", "NOERROR"]);
    endpointSlices.set({ ...slice("tour", "two", "s", [["10.244.1.1"]]), metadata: { namespace: "tour", name: "s" } });
    expect([await code("one"), await code("two")]).toEqual(["NXDOMAIN", "NXDOMAIN"]);
    expect(dns.stats().endpointAddresses).toBe(0);
  });

  it("are not followed after stop()", async () => {
    const caches = { services: new MemoryCache(services), endpointSlices: new MemoryCache(slices) };
    const dns = cluster({ caches });
    dns.stop();
    caches.services.delete("tour", "web");
    expect(words(await query(dns, "web.tour.svc.cluster.local", "A"))[0]).toBe("NOERROR");
  });
});

describe("before the first sync", () => {
  it("known names are answered, and others are not denied", async () => {
    const caches = { services: new MemoryCache(services, false), endpointSlices: new MemoryCache(slices) };
    const dns = cluster({ caches });
    let isReady = false;
    const ready = dns.whenReady().then(() => {
      isReady = true;
    });
    expect(words(await query(dns, "web.tour.svc.cluster.local", "A"))[0]).toBe("NOERROR");
    expect(words(await query(dns, "nothing.tour.svc.cluster.local", "A"))).toEqual(["SERVFAIL", soa]);
    expect(words(await query(dns, "99.1.96.10.in-addr.arpa", "PTR"))[0]).toBe("SERVFAIL");
    expect([isReady, dns.stats().synced]).toEqual([false, false]);
    caches.services.markSynced();
    await ready;
    expect(words(await query(dns, "nothing.tour.svc.cluster.local", "A"))).toEqual(nxdomain);
  });
});

describe("messages", () => {
  const name = "big.tour.svc.cluster.local";
  const many = (count: number) =>
    cluster({
      caches: {
        services: new MemoryCache([service("tour", "big", { clusterIP: "None" })]),
        endpointSlices: new MemoryCache([
          slice(
            "tour",
            "big",
            "big-1",
            Array.from({ length: count }, (_, i) => [`10.244.${i >> 8}.${i & 255}`] as const),
          ),
        ]),
      },
    });
  const edns = (udpSize: number, fields: Partial<Edns> = {}): Edns => ({
    udpSize,
    version: 0,
    dnssecOk: false,
    options: [],
    ...fields,
  });

  const sizes: readonly (readonly [string, Ask, number, boolean])[] = [
    ["512 bytes without EDNS", {}, 29, true],
    ["512 bytes when less is offered", { edns: edns(100) }, 28, true],
    ["1232 bytes when that is offered", { edns: edns(1232) }, 73, true],
    ["4096 bytes when that is offered", { edns: edns(4096) }, 252, true],
    ["everything over TCP", { transport: "tcp" }, 1000, false],
  ];
  it.each(sizes)("hold %s", async (_, ask, count, truncated) => {
    const message = await query(many(1000), name, "A", ask);
    expect({ count: message.answers.length, truncated: message.truncated }).toEqual({ count, truncated });
    expect(new Set(message.answers.map(formatRecord)).size).toBe(count);
  });

  it("are whole when they fit exactly", async () => {
    // A header of 12 bytes, a question of 31, and 29 records of 16 are 507.
    expect(await query(many(29), name, "A")).toMatchObject({ truncated: false, answers: { length: 29 } });
    expect(await query(many(30), name, "A")).toMatchObject({ truncated: true, answers: { length: 29 } });
  });

  it("carry an OPT record exactly when the query did", async () => {
    const dns = cluster();
    expect((await query(dns, "web.tour.svc.cluster.local", "A")).edns).toBeUndefined();
    const cookie = { code: 10, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
    const subnet = { code: 8, data: Uint8Array.of(0, 1, 24, 0, 10, 0, 0) };
    const reply = await query(dns, "web.tour.svc.cluster.local", "A", {
      edns: edns(1400, { dnssecOk: true, options: [subnet, cookie] }),
    });
    expect(reply.edns).toEqual(edns(1400, { dnssecOk: true, options: [cookie] }));
  });

  it("say BADVERS to another version of EDNS", async () => {
    const reply = await query(cluster(), "web.tour.svc.cluster.local", "A", { edns: edns(1232, { version: 1 }) });
    expect(reply).toMatchObject({ rcode: 16, answers: [], edns: { version: 0 } });
  });

  it("copy CD, and leave AD alone", async () => {
    const reply = await query(cluster(), "web.tour.svc.cluster.local", "A", {
      flags: { checkingDisabled: true, authenticData: true },
    });
    expect(reply).toMatchObject({ checkingDisabled: true, authenticData: false });
  });

  const refused: readonly (readonly [string, number, number, string])[] = [
    ["zone transfers", recordTypes.AXFR, 1, "REFUSED"],
    ["incremental zone transfers", recordTypes.IXFR, 1, "REFUSED"],
    ["the class CHAOS", recordTypes.TXT, 3, "REFUSED"],
    ["the class ANY", recordTypes.A, 255, "REFUSED"],
    ["OPT as a question", recordTypes.OPT, 1, "FORMERR"],
    ["type 0", 0, 1, "FORMERR"],
  ];
  it.each(refused)("refuse %s", async (_, type, questionClass, expected) => {
    expect(words(await query(cluster(), "cluster.local", type, { class: questionClass }))).toEqual([expected]);
  });

  it("that are none are dropped or get a header", () => {
    const dns = cluster();
    expect(dns.answer(Uint8Array.of(1, 2, 3), "udp")).toBeUndefined();
    const good = queryBytes("web.tour.svc.cluster.local", 1);
    expect(dns.answer(good.with(2, 0x80), "udp")).toBeUndefined();
    expect(dns.answer(good.slice(0, -1), "udp")).toEqual(
      Uint8Array.from([...good.slice(0, 2), 0x81, 0x01, 0, 0, 0, 0, 0, 0, 0, 0]),
    );
    expect(dns.answer(good.with(2, 0x29), "udp")).toEqual(
      Uint8Array.from([...good.slice(0, 2), 0xa9, 0x04, 0, 0, 0, 0, 0, 0, 0, 0]),
    );
    expect(dns.stats()).toMatchObject({ received: { udp: 4, tcp: 0 }, ignored: 2, answers: { FORMERR: 1, NOTIMP: 1 } });
  });

  it("are answered or dropped whatever their bytes, and the server goes on", async () => {
    const dns = cluster({ upstreams: [] });
    const ask = async (bytes: Uint8Array) => {
      for (const transport of ["udp", "tcp"] as const) {
        const answer = await dns.answer(bytes, transport);
        if (answer === undefined) continue;
        expect(decodeMessage(answer)).toMatchObject({ kind: "message", response: true });
        expect(answer.slice(0, 2)).toEqual(bytes.slice(0, 2));
      }
    };
    await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 0, maxLength: 600 }), ask), { numRuns: 2000 });
    const edns = { udpSize: 1232, version: 0, dnssecOk: true, options: [{ code: 10, data: new Uint8Array(8) }] };
    for (const good of [
      queryBytes("_http._tcp.mixed.tour.svc.cluster.local", recordTypes.SRV, { edns }),
      queryBytes("inner-chain.tour.svc.cluster.local", recordTypes.A),
    ]) {
      for (let at = 0; at < good.length; at++) {
        await ask(good.slice(0, at));
        for (let bit = 0; bit < 8; bit++) await ask(good.with(at, (good[at] ?? 0) ^ (1 << bit)));
      }
    }
    expect(words(await query(dns, "web.tour.svc.cluster.local", "A"))[0]).toBe("NOERROR");
  });

  it("whose answer fails get SERVFAIL", async () => {
    const dial = {
      send: () => {
        throw new Error("broken dialer");
      },
    };
    expect(words(await query(cluster({ dial }), "db.example.com", "A"))).toEqual(["SERVFAIL"]);
  });
});
