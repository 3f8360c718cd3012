import { describe, expect, it } from "vitest";
import {
  decodeMessage,
  dnsName,
  encodeMessage,
  queryMessage,
  recordTypes,
  responseCodeName,
} from "../../../src/codec/index.ts";
import { ManualClock, seededRandom } from "../../../src/core/index.ts";
import { MemoryCache, createDnsServer, readCorefile } from "../../../src/dns/index.ts";
import { service } from "../cluster.ts";
import { corefileWorld, expectDeviation, said, zoneOutside } from "./corefile-world.ts";
import { recordsOf } from "./zone-text.ts";

const reverseOf = (address: string) =>
  address.endsWith(".arpa") ? address : `${address.split(".").toReversed().join(".")}.in-addr.arpa`;
const answered = ["192.168.1.0", "192.168.1.1", "192.168.1.127", "192.168.1.128", "1.168.192.in-addr.arpa"];

describe("coredns: test/server_reverse_test.go", () => {
  const tables: readonly (readonly [
    test: string,
    key: string,
    answered: readonly string[],
    refused: readonly string[],
  ])[] = [
    [
      "TestClasslessReverse",
      "192.168.1.0/25 192.168.3.0/25",
      ["192.168.1.0", "192.168.1.1", "192.168.1.127"],
      ["192.168.1.128", "192.168.1.129", "192.168.1.255", "192.168.2.0"],
    ],
    ["TestReverse", "192.168.1.0/24", answered, ["2.168.192.in-addr.arpa"]],
    ["TestReverseInAddr", "1.168.192.in-addr.arpa", answered, ["2.168.192.in-addr.arpa"]],
  ];
  it.each(tables)("%s: %s", async (_, key, known, refused) => {
    const { ask } = corefileWorld(`${key} {\n whoami\n }`);
    const from = { client: { address: "127.0.0.1", port: 40_000 } };
    for (const address of known) expect((await ask(reverseOf(address), "A", from)).rcode).toBe(0);
    for (const address of refused) expect((await ask(reverseOf(address), "A", from)).rcode).toBe(5);
  });
});

describe("coredns: test/server_test.go", () => {
  it.each([
    ["whoami.0.10.in-addr.arpa", "NOERROR", 2],
    ["whoami.1.10.in-addr.arpa", "NOERROR", 2],
    ["whoami.2.10.in-addr.arpa", "REFUSED", 0],
  ])("TestReverseExpansion: %s", async (name, code, additional) => {
    const { ask } = corefileWorld("10.0.0.0/15 {\n whoami\n }");
    const message = await ask(name, "A", { client: { address: "127.0.0.1", port: 40_000 } });
    expect(responseCodeName(message.rcode)).toBe(code);
    expect(message.additionals.length).toBe(additional);
  });

  it("TestMultiZoneBlockConfigs: one block at three ports is the same at each", () => {
    const { servers } = readCorefile(".:40000 .:40001 .:40002 {\n whoami\n }", "Corefile", {
      environment: () => undefined,
      readText: () => undefined,
    });
    const server = createDnsServer(
      { servers, warnings: [] },
      {
        clock: new ManualClock(),
        random: seededRandom(1),
        dial: { send: () => () => undefined },
      },
    );
    expect(server.endpoints.map(({ port }) => port)).toEqual([40_000, 40_001, 40_002]);
    const query = encodeMessage(queryMessage(7, { name: dnsName("example.org"), type: recordTypes.A, class: 1 }));
    for (const { answer } of server.endpoints) {
      const bytes = answer(query, "udp", { address: "127.0.0.1", port: 40_000 });
      expect(bytes instanceof Uint8Array && decodeMessage(bytes)).toMatchObject({ rcode: 0 });
    }
    server.stop();
  });

  it("TestProxyToChaosServer: other classes than IN are nobody's", async () => {
    const { ask, asked } = corefileWorld(". {\n forward . 192.0.2.1\n }", { outside: () => ({ rcode: 0 }) });
    expect((await ask("version.bind", "TXT", { class: 3 })).rcode).toBe(5);
    expect(asked()).toBe(0);
  });
});

describe("coredns: test/rewrite_test.go", () => {
  it("TestRewriteFailure: the question comes back as it was asked when nobody answers", async () => {
    const { ask } = corefileWorld(". {\n rewrite name regex (.*)\\.test\\.$ {1}. answer auto\n }");
    // `ask` compares the questions byte for byte.
    expect(said(await ask("example.test", "MX"))).toEqual(["REFUSED"]);
  });

  it("TestRewrite: MX becomes A", async () => {
    const outside = zoneOutside(recordsOf("example.com 0 A 192.0.2.53"));
    const { ask } = corefileWorld(". {\n rewrite type MX A\n forward . 192.0.2.1\n }", { outside });
    expect(said(await ask("example.com", "MX"))).toEqual(["NOERROR", "example.com. 0 IN A 192.0.2.53"]);
  });
});

/** Aliases of a zone file upstream; an ExternalName is the alias that we have. */
describe("coredns: test/file_cname_proxy_test.go and file_upstream_test.go", () => {
  const alias = "cname.example.svc.cluster.local";
  const cluster = {
    services: new MemoryCache([
      service("example", "cname", { type: "ExternalName", externalName: "www.example.net" }),
      service("example", "chain", { type: "ExternalName", externalName: "deadend.example.svc.cluster.local" }),
      service("example", "deadend", { type: "ExternalName", externalName: "non-existent.example.net" }),
    ]),
    endpointSlices: new MemoryCache([]),
  };
  const cname = `${alias}. 5 IN CNAME www.example.net.`;

  it("gives the alias alone where nobody knows more", async () => {
    const { ask } = corefileWorld(". {\n kubernetes cluster.local\n }", { cluster });
    expect(said(await ask(alias, "A"))).toEqual(["NOERROR", cname]);
  });

  it.each([
    ["forward", "forward . 192.0.2.1", 300],
    ["hosts", "hosts {\n 10.0.0.1 www.example.net\n ttl 300\n fallthrough\n }", 300],
  ])("follows it with %s", async (_, plugin, ttl) => {
    const outside = zoneOutside(recordsOf("www.example.net 300 A 10.0.0.1"));
    const { ask } = corefileWorld(`. {\n kubernetes cluster.local\n ${plugin}\n }`, { cluster, outside });
    expect(said(await ask(alias, "A"))).toEqual(["NOERROR", cname, `www.example.net. ${ttl} IN A 10.0.0.1`]);
  });

  it("follows it into another block of the server (TestFileUpstreamAdditional)", async () => {
    const corefile =
      "cluster.local {\n kubernetes cluster.local\n }\n example.net {\n hosts {\n 127.0.0.53 www.example.net\n ttl 5\n }\n }";
    const { ask } = corefileWorld(corefile, { cluster });
    expect(said(await ask(alias, "A"))).toEqual(["NOERROR", cname, "www.example.net. 5 IN A 127.0.0.53"]);
  });

  it.each([
    ["deadend", 1],
    ["chain", 2],
  ])("TestFileUpstreamNx: %s leads to nothing", async (name, aliases) => {
    const { ask } = corefileWorld(". {\n kubernetes cluster.local\n forward . 192.0.2.1\n }", {
      cluster,
      outside: zoneOutside([]),
    });
    const message = await ask(`${name}.example.svc.cluster.local`, "A");
    expect(message.answers.length).toBe(aliases);
    // Upstream's zone files say NXDOMAIN here, its kubernetes plugin NOERROR, as we do.
    expect(responseCodeName(message.rcode)).toBe("NOERROR");
  });
});

describe("coredns: test/dns64_test.go, TestDNS64FallbackError", () => {
  it.each(["NOERROR", "SERVFAIL", "REFUSED", "FORMERR", "NXDOMAIN", "NOTIMP"])("%s", async (code) => {
    const { ask } = corefileWorld(". {\n dns64 {\n allow_ipv4\n }\n forward . 192.0.2.1\n }", {
      outside: ({ questions: [question] }) => {
        if (question?.type === recordTypes.AAAA) return { rcode: 0 };
        if (question?.type === recordTypes.MX) return { answers: recordsOf("example.org 60 MX 1 mx.example.org") };
        return { rcode: ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"].indexOf(code) };
      },
    });
    for (const transport of ["udp", "tcp"] as const) {
      for (let i = 0; i < 3; i++) {
        expect(responseCodeName((await ask("example.org", "AAAA", { transport })).rcode)).toBe(code);
        expect(said(await ask("example.org", "MX", { transport }))[1]).toBe("example.org. 60 IN MX 1 mx.example.org.");
      }
    }
  });
});

/** plugin/hosts/hosts_test.go */
describe("coredns: plugin/hosts/hosts_test.go", () => {
  const file =
    "\n127.0.0.1 localhost localhost.domain\n::1 localhost localhost.domain\n10.0.0.1 example.org\n::FFFF:10.0.0.2 example.com\n";
  const cases = [
    ["example.org", "A", ["A 10.0.0.1"]],
    ["example.com", "A", ["A 10.0.0.2"]],
    ["localhost", "AAAA", ["AAAA ::1"]],
    ["1.0.0.10.in-addr.arpa", "PTR", ["PTR example.org."]],
    ["2.0.0.10.in-addr.arpa", "PTR", ["PTR example.com."]],
    ["1.0.0.127.in-addr.arpa", "PTR", ["PTR localhost.", "PTR localhost.domain."]],
    ["example.org", "AAAA", []],
    ["example.org", "MX", []],
  ] as const;
  it.each(cases)("%s %s", async (name, type, expected) => {
    const { ask } = corefileWorld(". {\n hosts /etc/hosts\n }", { files: { "/etc/hosts": file } });
    const { rcode, answers } = await ask(name, type);
    expect(rcode).toBe(0);
    expect(
      said({ ...(await ask(name, type)), answers })
        .filter((line) => line.startsWith(name))
        .toSorted(),
    ).toEqual(expected.map((data) => `${name}. 3600 IN ${data}`));
  });
});

describe("coredns: test/corefile_test.go", () => {
  it("TestCorefile1: bytes that are no zone are refused with their line, and crash nothing", () => {
    const read = () =>
      readCorefile("\\\\\\\\\u0236.\nacl\n", "Corefile", { environment: () => undefined, readText: () => undefined });
    expect(read).toThrow(/^Corefile:1: /);
    expectDeviation("Plugins");
  });
});
