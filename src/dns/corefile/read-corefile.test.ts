import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kubeadmCorefile } from "../../../test/dns/kubeadm-corefile.ts";
import { hasCode } from "../../core/index.ts";
import { readCorefile } from "./read-corefile.ts";
import type { CorefileContext } from "./read-corefile.ts";

const files: Readonly<Record<string, string>> = {
  "/etc/resolv.conf": "nameserver 192.168.100.1\nnameserver fd00::1\nsearch lan example.org\n",
  "/etc/empty.conf": "search lan\n",
  "ca.pem": "CA TEXT",
  "cert.pem": "CERTIFICATE TEXT",
  "key.pem": "KEY TEXT",
};

const context: CorefileContext = {
  environment: (name) => ({ ZONE: "lab.test", SERVERS: "10.0.0.1" })[name],
  readText: (path) => files[path],
  files: (pattern) =>
    pattern.endsWith("*.override")
      ? [{ path: "/custom/one.override", text: "log\n" }]
      : pattern.includes("*")
        ? []
        : [],
};

const read = (text: string) => readCorefile(text, "Corefile", context);

describe("readCorefile()", () => {
  it("reads kubeadm's", () => {
    const { servers, warnings } = read(kubeadmCorefile);
    expect(warnings).toEqual([]);
    expect(servers).toHaveLength(1);
    const [server] = servers;
    expect(server).toMatchObject({
      keys: [{ transport: "dns", zone: ".", port: 53 }],
      bind: [],
      errors: { consolidate: [] },
      health: { address: ":8080", lameduckMs: 5000 },
      ready: { address: ":8181", continuously: false },
      prometheus: { address: ":9153" },
      reload: { intervalMs: 30_000, jitterMs: 15_000 },
      loop: true,
      loadbalance: true,
      kubernetes: {
        zones: ["cluster.local.", "in-addr.arpa.", "ip6.arpa."],
        pods: "insecure",
        ttl: 30,
        fallthrough: ["in-addr.arpa.", "ip6.arpa."],
        startupTimeoutMs: 5000,
      },
      cache: {
        success: { maxTtl: 30, minTtl: 5, disabled: ["cluster.local."] },
        denial: { maxTtl: 30, minTtl: 5, disabled: ["cluster.local."] },
      },
    });
    expect(server?.forward).toMatchObject([
      {
        from: ["."],
        to: [
          { address: "192.168.100.1", port: 53 },
          { address: "fd00::1", port: 53 },
        ],
        maxConcurrent: 1000,
        policy: "random",
        maxFails: 2,
      },
    ]);
  });

  const blocks: readonly (readonly [name: string, text: string, expected: object])[] = [
    ["a file of one block without braces", ".\nwhoami\n", { keys: [{ zone: ".", port: 53 }], whoami: true }],
    ["several zones", "a.org, B.ORG:1053 {\n}", { keys: [{ zone: "a.org." }, { zone: "b.org.", port: 1053 }] }],
    ["zones on several lines", "a.org,\nb.org {\n}", { keys: [{ zone: "a.org." }, { zone: "b.org." }] }],
    ["a scheme", "dns://a.org {\n}", { keys: [{ transport: "dns", zone: "a.org.", port: 53 }] }],
    [
      "TLS",
      "tls://.:8853 {\n tls cert.pem key.pem\n}",
      {
        keys: [{ transport: "tls", port: 8853 }],
        tls: {
          certificate: { path: "cert.pem", text: "CERTIFICATE TEXT" },
          key: { path: "key.pem", text: "KEY TEXT" },
        },
      },
    ],
    ["the port of TLS", "tls://. {\n tls cert.pem key.pem\n}", { keys: [{ transport: "tls", port: 853 }] }],
    ["a port alone", ":1053 {\n}", { keys: [{ zone: ".", port: 1053 }] }],
    ["a network", "10.1.0.0/16 {\n}", { keys: [{ zone: "1.10.in-addr.arpa." }] }],
    [
      "a network between labels",
      "10.0.0.0/15 {\n}",
      { keys: [{ zone: "0.10.in-addr.arpa." }, { zone: "1.10.in-addr.arpa." }] },
    ],
    ["a network of IPv6", "fd00:10::/32 {\n}", { keys: [{ zone: "0.1.0.0.0.0.d.f.ip6.arpa." }] }],
    [
      "variables",
      "{$ZONE} {\n forward . {%SERVERS%}\n}",
      { keys: [{ zone: "lab.test." }], forward: [{ to: [{ address: "10.0.0.1" }] }] },
    ],
    ["comments", "# one\n. { # two\n whoami # three\n}", { whoami: true }],
    ["quotes", '. {\n log . "{name} \\"{type}\\" # {>id}"\n}', { log: [{ format: '{name} "{type}" # {>id}' }] }],
    [
      "a snippet",
      "(common) {\n errors\n any\n}\n. {\n import common\n whoami\n}",
      { any: true, whoami: true, errors: {} },
    ],
    ["files", ". {\n import /custom/*.override\n import /custom/*.none\n}", { log: [{ classes: ["all"] }] }],
    ["Windows lines", ".:53 {\r\n  errors\r\n}\r\n", { errors: {} }],
    ["a first byte order mark", "\uFEFF. {\n}", { keys: [{ zone: "." }] }],
    [
      "bind",
      ". {\n bind 127.0.0.1 eth0 {\n except 10.0.0.1\n }\n}",
      { bind: ["127.0.0.1", "eth0"], bindExcept: ["10.0.0.1"] },
    ],
    ["bufsize", ". {\n bufsize\n}", { bufsize: 1232 }],
    [
      "health, ready, prometheus",
      ". {\n health 127.0.0.1:81\n ready [::1]:82 {\n monitor continuously\n }\n prometheus\n}",
      {
        health: { address: "127.0.0.1:81", lameduckMs: 0 },
        ready: { address: "[::1]:82", continuously: true },
        prometheus: { address: "localhost:9153" },
      },
    ],
    ["reload with times", ". {\n reload 2s 1s\n}", { reload: { intervalMs: 2000, jitterMs: 1000 } }],
    ["reload off", ". {\n reload off\n}", { loop: false }],
    [
      "errors",
      '. {\n errors {\n consolidate 5m ".* timeout" warning\n }\n}',
      { errors: { consolidate: [{ everyMs: 300_000, level: "warning" }] } },
    ],
    [
      "log",
      ". {\n log example.org {combined} {\n class denial error\n sample 100\n }\n}",
      { log: [{ zones: ["example.org."], classes: ["denial", "error"], sample: 100 }] },
    ],
    [
      "kubernetes",
      `. {\n kubernetes cluster.local {
        kubeconfig /etc/kubeconfig
        namespaces a b
        labels app in (x, y),tier
        pods verified
        endpoint_pod_names
        ttl 0
        noendpoints
        zonal
        fallthrough
        ignore empty_service
        startup_timeout 1m
      }\n}`,
      {
        kubernetes: {
          zones: ["cluster.local."],
          kubeconfig: "/etc/kubeconfig",
          namespaces: ["a", "b"],
          labels: [
            { key: "app", operator: "In", values: ["x", "y"] },
            { key: "tier", operator: "Exists", values: [] },
          ],
          pods: "verified",
          endpointPodNames: true,
          ttl: 0,
          withEndpoints: false,
          zonal: true,
          fallthrough: "all",
          ignoreEmptyService: true,
          startupTimeoutMs: 60_000,
        },
      },
    ],
    [
      "kubernetes with a zone of other clusters",
      ". {\n kubernetes cluster.local clusterset.local in-addr.arpa {\n multicluster ClusterSet.local\n }\n}",
      {
        kubernetes: {
          zones: ["cluster.local.", "clusterset.local.", "in-addr.arpa."],
          multicluster: ["clusterset.local."],
        },
      },
    ],
    [
      "kubernetes with the zones of its block",
      "cluster.local 10.0.0.0/8 {\n kubernetes\n}",
      { kubernetes: { zones: ["cluster.local.", "10.in-addr.arpa."], pods: "disabled", ttl: 5, fallthrough: "none" } },
    ],
    [
      "forward",
      `. {\n forward example.org tls://9.9.9.9%dns.quad9.net dns://1.1.1.1:5353 [fd00::1]:54 fd00::2 {
        except a.example.org b.example.org
        policy sequential
        max_fails 0
        health_check 1s no_rec domain example.org
        expire 20s
        force_tcp
        prefer_udp
        failfast_all_unhealthy_upstreams
        next NXDOMAIN
        failover SERVFAIL REFUSED
      }\n}`,
      {
        forward: [
          {
            from: ["example.org."],
            to: [
              { address: "9.9.9.9", port: 853, tls: { serverName: "dns.quad9.net" } },
              { address: "1.1.1.1", port: 5353 },
              { address: "fd00::1", port: 54 },
              { address: "fd00::2", port: 53 },
            ],
            except: ["a.example.org.", "b.example.org."],
            policy: "sequential",
            maxFails: 0,
            healthCheckMs: 1000,
            healthCheckRecursion: false,
            healthCheckName: "example.org",
            expireMs: 20_000,
            forceTcp: true,
            preferUdp: true,
            failFast: true,
            next: [3],
            failover: [2, 5],
          },
        ],
      },
    ],
    [
      "forward with a second server for slow answers",
      ". {\n forward . 1.1.1.1 8.8.8.8 {\n hedge 200ms\n }\n}",
      { forward: [{ hedgeMs: 200 }] },
    ],
    [
      "forward over TLS with a name",
      ". {\n forward . tls://1.1.1.1 {\n tls ca.pem\n tls_servername one.one\n }\n}",
      { forward: [{ to: [{ tls: { ca: "CA TEXT", serverName: "one.one" } }] }] },
    ],
    [
      "cache",
      `. {\n cache 100 example.org {
        success 5000 300 60
        denial 2500
        prefetch 10 1m 10%
        serve_stale 2h verify 500ms
        servfail 0
        keepttl
      }\n}`,
      {
        cache: {
          zones: ["example.org."],
          success: { capacity: 5000, maxTtl: 300, minTtl: 60, disabled: [] },
          denial: { capacity: 2500, maxTtl: 100, minTtl: 5, disabled: [] },
          prefetch: { amount: 10, durationMs: 60_000, percentage: 10 },
          serveStale: { forMs: 7_200_000, mode: "verify", verifyTimeoutMs: 500 },
          servfailMs: 0,
          keepTtl: true,
        },
      },
    ],
    [
      "cache with what clients see of stale answers",
      ". {\n cache {\n serve_stale_policy prefer_positive\n serve_stale 1h verify 0 45s 1m\n }\n}",
      {
        cache: {
          serveStale: { mode: "verify", verifyTimeoutMs: 0, ttl: 45, recheckMs: 60_000, prefersPositive: true },
        },
      },
    ],
    [
      "cache with stale answers at once",
      ". {\n cache {\n serve_stale 1h immediate 30s 10s\n }\n}",
      { cache: { serveStale: { forMs: 3_600_000, mode: "immediate", ttl: 30, recheckMs: 10_000 } } },
    ],
    ["cache without a limit", ". {\n cache\n}", { cache: { success: { maxTtl: 3600 }, denial: { maxTtl: 1800 } } }],
    [
      "rewrite",
      `. {
        rewrite name old.example.org new.example.org
        rewrite continue name suffix .a.org .b.org answer auto
        rewrite stop {
          name regex (.*)\\.x\\.org {1}.y.org
          answer name (.*)\\.y\\.org {1}.x.org
        }
        rewrite ttl regex .* 5-60
        rewrite type ANY HINFO
        rewrite short.org long.org
      }`,
      {
        rewrite: [
          {
            kind: "name",
            goesOn: false,
            match: { kind: "exact", text: "old.example.org." },
            replacement: "new.example.org",
            answers: [{ kind: "auto" }],
          },
          { kind: "name", goesOn: true, match: { kind: "suffix", text: ".a.org." }, answers: [{ kind: "auto" }] },
          {
            kind: "name",
            goesOn: false,
            match: { kind: "regex" },
            answers: [{ kind: "name", replacement: "{1}.x.org" }],
          },
          { kind: "ttl", min: 5, max: 60 },
          { kind: "type", from: 255, to: 13 },
          { kind: "name", match: { kind: "exact", text: "short.org." }, replacement: "long.org" },
        ],
      },
    ],
    [
      "hosts",
      ". {\n hosts {\n 10.0.0.1 a.org b.org\n fd00::1 a.org\n ttl 60\n no_reverse\n reload 1s\n fallthrough a.org\n }\n}",
      {
        hosts: {
          file: undefined,
          zones: ["."],
          inline: [
            { address: "10.0.0.1", names: ["a.org", "b.org"] },
            { address: "fd00::1", names: ["a.org"] },
          ],
          ttl: 60,
          reverse: false,
          reloadMs: 1000,
          fallthrough: ["a.org."],
        },
      },
    ],
    ["hosts of the machine", ". {\n hosts\n}", { hosts: { file: "/etc/hosts", fallthrough: "none", ttl: 3600 } }],
    [
      "autopath of pods",
      ". {\n kubernetes cluster.local\n autopath @kubernetes\n}",
      { autopath: { search: { kind: "kubernetes" } } },
    ],
    [
      "autopath of a file",
      ". {\n autopath lan /etc/resolv.conf\n}",
      { autopath: { zones: ["lan."], search: { kind: "list", domains: ["lan", "example.org"] } } },
    ],
    [
      "acl",
      ". {\n acl example.org {\n allow net 10.0.0.0/8 192.168.0.1\n filter type A AAAA\n drop type * net *\n }\n}",
      {
        acl: [
          {
            zones: ["example.org."],
            rules: [
              { action: "allow", types: [], sources: ["10.0.0.0/8", "192.168.0.1/32"] },
              { action: "filter", types: [1, 28], sources: [] },
              { action: "drop", types: [], sources: [] },
            ],
          },
        ],
      },
    ],
    [
      "transfer",
      ". {\n transfer a.org {\n to 10.0.0.1\n to *\n }\n}",
      { transfer: [{ zones: ["a.org."], to: "all" }] },
    ],
    [
      "dns64",
      ". {\n dns64 64:1337::/96 {\n translate_all\n allow_ipv4\n }\n}",
      {
        dns64: { prefix: "64:1337::/96", translateAll: true, allowIpv4: true },
      },
    ],
    [
      "ratelimit",
      ". {\n ratelimit 100 200 {\n answer truncate\n exempt 10.0.0.0/8\n }\n}",
      {
        rateLimit: { perSecond: 100, burst: 200, answer: "truncate", exempt: ["10.0.0.0/8"] },
      },
    ],
  ];
  it.each(blocks)("reads %s", (_name, text, expected) => {
    expect(read(text).servers[0]).toMatchObject(expected);
  });

  it("reads several blocks", () => {
    const { servers } = read(". {\n forward . 10.0.0.1\n}\nacme.local:1053 {\n forward . 10.0.0.2\n}\n");
    expect(servers.map(({ keys, line }) => [line, keys.map(({ zone, port }) => `${zone}${port}`)])).toEqual([
      [1, [".53"]],
      [4, ["acme.local.1053"]],
    ]);
  });

  it("takes the port of keys without one from the context", () => {
    const { servers } = readCorefile(". a.org:53 {\n}", "Corefile", { ...context, port: 1053 });
    expect(servers[0]?.keys.map(({ port }) => port)).toEqual([1053, 53]);
  });

  it("says where certificates are named that cannot be used", () => {
    const tlsProblem = () => "cert.pem holds no usable certificate";
    const problem = (text: string) => () => readCorefile(text, "Corefile", { ...context, tlsProblem });
    expect(problem("tls://. {\n tls cert.pem key.pem\n}")).toThrow(
      "Corefile:2: tls: cert.pem holds no usable certificate",
    );
    expect(problem(". {\n forward . tls://1.1.1.1 {\n  tls cert.pem key.pem ca.pem\n }\n}")).toThrow(
      "Corefile:3: tls: cert.pem holds no usable certificate",
    );
    expect(problem("tls://. {\n tls cert.pem no.pem\n}")).toThrow(
      "Corefile:2: tls: no.pem cannot be read: check the path and who may read it",
    );
  });

  it("warns about what has no effect", () => {
    expect(read(". {\n tls cert.pem key.pem\n}").warnings).toEqual([
      "Corefile:1: tls has no effect: no zone of this block begins with tls://",
    ]);
    expect(read(". {\n kubernetes cluster.local {\n zonal\n noendpoints\n }\n}").warnings).toEqual([
      "Corefile:2: kubernetes: zonal has no effect with noendpoints",
    ]);
  });

  const mistakes: readonly (readonly [text: string, message: string])[] = [
    ["", "Corefile:1: no block: write at least .:53 { ... }"],
    [". {\n kubernets cluster.local\n}", 'Corefile:2: there is no plugin "kubernets": did you mean kubernetes?'],
    [
      ". {\n blubb\n}",
      'Corefile:2: there is no plugin "blubb": known plugins are acl, any, autopath, bind, bufsize, cache,',
    ],
    [
      ". {\n\n template IN A {\n }\n}",
      "Corefile:3: the plugin template is not supported: use hosts for fixed names and rewrite for renamed ones",
    ],
    [
      ". {\n file db.example.org\n}",
      "Corefile:2: the plugin file is not supported: serve zone files with another server and forward to it",
    ],
    [". {\n cache {\n succes 5\n }\n}", 'Corefile:3: cache has no property "succes"; it has success, denial,'],
    [". {\n errors\n", "Corefile:1: the block that begins here is not closed: a } is missing"],
    [". {\n}\n}", "Corefile:3: this brace closes nothing: remove it"],
    ["{\n}", "Corefile:1: a block needs a zone before its brace"],
    [".{\n}", "Corefile:1: write a space before the brace: . {"],
    [". { errors\n}", 'Corefile:1: "errors" must stand on a line of its own, after the brace'],
    [". {\n}\na.org\nwhoami", "Corefile:3: the block of a.org has no brace: write a.org {"],
    ['. {\n log "a\n}', "Corefile:2: this quote has no end"],
    [". {\n forward . {$NOTHING}\n}", "Corefile:2: the environment variable NOTHING is not set"],
    [". {\n import nowhere\n}", "Corefile:2: there is neither a snippet (nowhere) nor a file of this name"],
    ["(a) {\n import a\n}\n. {\n import a\n}", "Corefile:2: import a imports itself"],
    ["(a) {\n}\n(a) {\n}", "Corefile:3: the snippet (a) is defined twice"],
    [". {\n import\n}", "Corefile:2: import takes one argument"],
    [". {\n}\n. {\n}", "Corefile:3: dns://.:53 is served already by the block on line 1"],
    [". {\n cache\n cache\n}", "Corefile:3: cache stands in this block already, on line 2: keep one of them"],
    ["https://. {\n}", "Corefile:1: https:// is not served: use dns:// or tls://"],
    ["tls://. {\n}", "Corefile:1: a block of tls:// needs a certificate: add tls CERTIFICATE KEY"],
    [".:70000 {\n}", 'Corefile:1: port 70000 in ".:70000" is not between 1 and 65535'],
    ["a..b {\n}", 'Corefile:1: "a..b" is no zone'],
    ["10.0.0.1/33 {\n}", 'Corefile:1: "10.0.0.1/33" is no zone'],
    [". {\n forward .\n}", "Corefile:2: forward: an argument is missing; write: forward FROM TO..."],
    [
      ". {\n forward . dns.example.org\n}",
      'Corefile:2: forward: "dns.example.org" is no server: write the address of the server, not its name',
    ],
    [". {\n forward . /etc/nothing\n}", 'Corefile:2: forward: "/etc/nothing" is no server: this file cannot be read'],
    [". {\n forward . /etc/empty.conf\n}", "Corefile:2: forward: /etc/empty.conf names no server"],
    [". {\n forward . https://1.1.1.1\n}", "Corefile:2: forward: https:// servers cannot be asked"],
    [
      `. {\n forward . ${Array.from({ length: 16 }, (_, i) => `10.0.0.${i}`).join(" ")}\n}`,
      "Corefile:2: forward: 16 servers are too many, at most 15 can be asked",
    ],
    [
      ". {\n forward . 1.1.1.1 {\n policy fastest\n }\n}",
      'Corefile:3: "fastest" is none of random, round_robin, sequential',
    ],
    [
      ". {\n forward . 1.1.1.1 {\n expire 10\n }\n}",
      'Corefile:3: "10" is no duration: write a number and a unit, such as 5s or 1m30s',
    ],
    [". {\n forward . 1.1.1.1 {\n max_concurrent many\n }\n}", 'Corefile:3: "many" is no number from 0 to'],
    [
      ". {\n forward . 1.1.1.1 {\n doh_method GET\n }\n}",
      "Corefile:3: forward: doh_method is not supported: use tls://",
    ],
    [
      ". {\n forward . tls://1.1.1.1%a {\n tls_servername b\n }\n}",
      "Corefile:2: forward: a name behind % and tls_servername exclude each other",
    ],
    [
      ". {\n forward . 1.1.1.1 {\n failover NOERROR\n }\n}",
      "Corefile:3: forward: failover NOERROR would never take an answer",
    ],
    [". {\n forward . 1.1.1.1 {\n hedge 0\n }\n}", "Corefile:3: forward: hedge must be more than 0 and less than 2s"],
    [". {\n forward . 1.1.1.1 {\n hedge 2s\n }\n}", "Corefile:3: forward: hedge must be more than 0 and less than 2s"],
    [". {\n kubernetes {\n ttl 3601\n }\n}", 'Corefile:3: "3601" is no number from 0 to 3600'],
    [
      ". {\n kubernetes cluster.local {\n multicluster clusterset.local\n }\n}",
      "Corefile:3: multicluster: clusterset.local. is not among the zones of kubernetes: write kubernetes cluster.local. clusterset.local.",
    ],
    [
      ". {\n kubernetes cluster.local 10.in-addr.arpa {\n multicluster 10.in-addr.arpa\n }\n}",
      "Corefile:3: multicluster: 10.in-addr.arpa. is a zone of addresses: name one of Services, as clusterset.local",
    ],
    [
      ". {\n kubernetes cluster.local {\n multicluster\n }\n}",
      "Corefile:3: multicluster: an argument is missing; write: multicluster ZONE...",
    ],
    [". {\n kubernetes {\n pods some\n }\n}", 'Corefile:3: "some" is none of disabled, insecure, verified'],
    [
      ". {\n kubernetes {\n pods insecure verified\n }\n}",
      'Corefile:3: pods: "verified" is one too many; write: pods MODE',
    ],
    [". {\n kubernetes {\n labels a in\n }\n}", 'Corefile:3: "a in" is no label selector'],
    [". {\n kubernetes {\n endpoint here\n }\n}", 'Corefile:3: "here" is no URL of an API server'],
    [
      ". {\n kubernetes {\n upstream\n }\n}",
      "Corefile:3: kubernetes: upstream is not supported: ExternalNames are resolved by this server itself",
    ],
    [". {\n autopath @kubernetes\n}", "Corefile:2: autopath @kubernetes needs the plugin kubernetes in the same block"],
    [". {\n autopath @etcd\n}", "Corefile:2: autopath: search lists come from @kubernetes or a file, not @etcd"],
    [". {\n cache {\n prefetch 5 1m 10\n }\n}", "Corefile:3: cache: write 10% with its percent sign"],
    [
      ". {\n cache {\n serve_stale 1h immediate 1s 30s 30s\n }\n}",
      "Corefile:3: cache: only serve_stale ... verify takes a timeout",
    ],
    [
      ". {\n cache {\n serve_stale_policy prefer_positive\n }\n}",
      "Corefile:3: cache: serve_stale_policy says which stale answers to serve: add serve_stale",
    ],
    [". {\n cache {\n servfail 6m\n }\n}", "Corefile:3: cache: failures are kept for at most 5m"],
    [". {\n health 8080\n}", 'Corefile:2: "8080" is no address to listen on'],
    [". {\n reload 1s\n}", "Corefile:2: reload: every 2s at most"],
    [". {\n loadbalance weighted\n}", 'Corefile:2: "weighted" is none of round_robin'],
    [". {\n log {name} {what}\n}", "Corefile:2: log: the field {what} is not known"],
    [". {\n rewrite name regex ( b\n}", 'Corefile:2: "(" is no regular expression'],
    [". {\n rewrite edns0 local set 1 2\n}", "Corefile:2: rewrite edns0 is not supported"],
    [". {\n rewrite name a\n}", "Corefile:2: rewrite: the new name is missing"],
    [". {\n rewrite name a b c\n}", 'Corefile:2: "c" is none of answer'],
    [". {\n hosts {\n 10.0.0.300 a\n }\n}", 'Corefile:3: hosts: "10.0.0.300" is neither an address nor ttl'],
    [". {\n hosts {\n 10.0.0.3\n }\n}", "Corefile:3: hosts: 10.0.0.3 has no name behind it"],
    [". {\n acl\n}", "Corefile:2: acl: no rule"],
    [". {\n acl {\n block 10.0.0.0/8\n }\n}", "Corefile:3: acl: write: block [type TYPE...] [net SOURCE...]"],
    [". {\n acl {\n block type NOPE\n }\n}", 'Corefile:3: "NOPE" is no record type'],
    [". {\n transfer {\n }\n}", "Corefile:2: transfer: nobody is allowed"],
    [". {\n dns64 64:ff9b::/95\n}", 'Corefile:2: dns64: "64:ff9b::/95" is no IPv6 prefix'],
    [". {\n ratelimit 0\n}", 'Corefile:2: "0" is no number from 1'],
    [". {\n whoami {\n }\n}", "Corefile:2: whoami takes no block: remove the { }"],
  ];
  it.each(mistakes)("refuses %j", (text, message) => {
    let problem: unknown;
    try {
      read(text);
    } catch (error) {
      problem = error;
    }
    expect(hasCode(problem, "InvalidCorefile") ? problem.message.slice(0, message.length) : problem).toBe(message);
  });

  it("names the imported file in its errors", () => {
    const files = () => [{ path: "/custom/bad.override", text: "errors\nnonsense\n" }];
    expect(() => readCorefile(". {\n import /custom/*\n}", "Corefile", { ...context, files })).toThrow(
      /^\/custom\/bad.override:2: there is no plugin "nonsense"/,
    );
  });

  it("says so where files cannot be imported", () => {
    const { files: _, ...without } = context;
    expect(() => readCorefile(". {\n import x\n}", "Corefile", without)).toThrow(/files cannot be imported here/);
  });

  it("reads or refuses whatever comes, with a line of the file", () => {
    const words = fc.constantFrom(
      ".",
      "{",
      "}",
      "\n",
      "cache",
      "forward",
      "1.1.1.1",
      '"',
      "#",
      "kubernetes",
      "ttl",
      "5",
      "(a)",
      "import",
      "a",
      ",",
      "rewrite",
      "name",
      "log",
      "{$ZONE}",
    );
    const property = fc.property(fc.array(words, { maxLength: 40 }), (list) => {
      const text = list.join(" ");
      try {
        read(text);
      } catch (error) {
        if (!hasCode(error, "InvalidCorefile")) throw error;
        const line = Number(/^Corefile:([0-9]+): /.exec(error.message)?.[1]);
        expect(line).toBeGreaterThan(0);
        expect(line).toBeLessThanOrEqual(text.split("\n").length);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
});
