import { describe, expect, it } from "vitest";
import { MemoryCache } from "../../../src/dns/index.ts";
import type { Service } from "../../../src/objects/index.ts";
import { service } from "../cluster.ts";
import { corefileWorld, said, texts, zoneOutside } from "./corefile-world.ts";
import type { CorefileWorld } from "./corefile-world.ts";
import { recordsOf } from "./zone-text.ts";

/** The Corefile that these tests put in the place of the cluster's own; `upstream` is no property any more. */
const forwardingTo = (server: string, more = "") => `.:53 {
  health
  ready
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
    ttl 30
  }
  forward . ${server}
}
${more}`;

/** The pod that serves names in these tests, and the host's own server, which the restored configuration asks. */
const own = "10.244.1.53";
const host = "192.168.100.1";
const families = [
  ["IPv4", "A", ["1.1.1.1", "2.2.2.2", "3.3.3.3"], "192.0.2.123", "192.0.2.123"],
  [
    "IPv6",
    "AAAA",
    ["2606:4700:4700::1111", "2606:4700:4700::2222", "2606:4700:4700::3333"],
    "2001:db8::29",
    "2001:db8::29",
  ],
] as const;
const reverse = { IPv4: "123.2.0.192.in-addr.arpa", IPv6: `9.2${".0".repeat(22)}.8.b.d.0.1.0.0.2.ip6.arpa` };
const google = "google-public-dns-a.google.com";
const googleReverse = {
  IPv4: "8.8.8.8.in-addr.arpa",
  IPv6: `8.8.8.8${".0".repeat(16)}.0.6.8.4.0.6.8.4.1.0.0.2.ip6.arpa`,
};

/** Servers outside: `records` at `own`, and what the world has at `host`. */
function world(corefile: string, list: readonly string[], services: readonly Service[] = []): CorefileWorld {
  const known = zoneOutside(recordsOf(...list));
  const world = zoneOutside(
    recordsOf(`${googleReverse.IPv4} 60 PTR ${google}`, `${googleReverse.IPv6} 60 PTR ${google}`),
  );
  return corefileWorld(corefile, {
    cluster: { services: new MemoryCache(services), endpointSlices: new MemoryCache([]) },
    outside: (query, upstream) => (upstream.address === own ? known : world)(query, upstream),
  });
}

describe.each(families)("kubernetes: test/e2e/network/dns_configmap.go, %s", (family, type, addresses, foo) => {
  it("changes the stub domain", async () => {
    const names = ["abc.acme.local", "def.acme.local", "widget.local"];
    const list = names.map((name, i) => `${name} 60 ${type} ${addresses[i] ?? ""}`);
    const { ask } = world(forwardingTo(own, `acme.local:53 {\n forward . ${own}\n}`), list);
    for (const [i, name] of names.entries()) {
      expect(texts((await ask(name, type)).answers)).toEqual([`${name}. 60 IN ${type} ${addresses[i] ?? ""}`]);
    }
    const restored = world(forwardingTo(host), list);
    expect((await restored.ask("abc.acme.local", type)).answers).toEqual([]);
  });

  it("leaves names of addresses that the cluster does not have to the upstream", async () => {
    const list = [`${reverse[family]} 60 PTR my.test`];
    const before = world(forwardingTo(host), list);
    expect(texts((await before.ask(googleReverse[family], "PTR")).answers)).toEqual([
      `${googleReverse[family]}. 60 IN PTR ${google}.`,
    ]);
    expect((await before.ask(reverse[family], "PTR")).answers).toEqual([]);
    const { ask } = world(forwardingTo(own), list);
    expect(texts((await ask(reverse[family], "PTR")).answers)).toEqual([`${reverse[family]}. 60 IN PTR my.test.`]);
  });

  it("finds what an ExternalName leads to at the upstream", async () => {
    const services = [
      service("dns-1", "dns-externalname-upstream-test", { type: "ExternalName", externalName: google }),
      service("dns-1", "dns-externalname-upstream-local", { type: "ExternalName", externalName: "foo.example.com" }),
    ];
    const list = [`foo.example.com 60 ${type} ${foo}`];
    const name = (which: string) => `dns-externalname-upstream-${which}.dns-1.svc.cluster.local`;
    const before = world(forwardingTo(host), list, services);
    expect(texts((await before.ask(name("test"), type)).answers)).toEqual([`${name("test")}. 30 IN CNAME ${google}.`]);
    const { ask } = world(forwardingTo(own), list, services);
    expect(said(await ask(name("local"), type))).toEqual([
      "NOERROR",
      `${name("local")}. 30 IN CNAME foo.example.com.`,
      `foo.example.com. 60 IN ${type} ${foo}`,
    ]);
  });
});

describe("kubernetes: test/e2e/network/dns_scale_records.go", () => {
  it("answers for 10,000 Services in two namespaces, one in twenty of them asked for", async () => {
    const address = (i: number) => `10.96.${i >> 8}.${i & 255}`;
    const services = Array.from({ length: 10_000 }, (_, i) =>
      service(`performancedns-${i % 2}`, `svc-${i}`, {
        clusterIP: address(i),
        clusterIPs: [address(i)],
        ports: [{ protocol: "TCP", port: 80 }],
      }),
    );
    const { ask } = world(forwardingTo(host), [], services);
    let asked = 0;
    for (let i = 0; i < services.length; i += 20) {
      const name = `svc-${i}.performancedns-${i % 2}.svc.cluster.local`;
      expect(said(await ask(name, "A"))).toEqual(["NOERROR", `${name}. 30 IN A ${address(i)}`]);
      asked++;
    }
    expect(asked).toBe(500);
  });
});
