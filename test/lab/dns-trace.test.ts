import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TraceReport } from "../../src/app/index.ts";
import { Sealane } from "./sealane.ts";

const manifest = `
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: asker, labels: {app: asker}}
spec: {containers: [{name: c, image: busybox}]}
---
apiVersion: v1
kind: Pod
metadata: {name: outsider, namespace: shop}
spec: {dnsPolicy: Default, containers: [{name: c, image: busybox}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.80, selector: {app: asker}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {clusterIP: 10.96.0.81, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: waiting}
spec: {clusterIP: None, selector: {app: broken}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: broken, labels: {app: broken}}
spec: {containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]}
`;

const sealane = new Sealane();
let searching: Sealane;

beforeAll(async () => {
  searching = new Sealane();
  const up = (one: Sealane, ...more: readonly string[]) =>
    one.runWith(manifest, "up", "-d", "--outside-host", "api.example.com=192.168.100.60", ...more, "-f", "-");
  await up(sealane);
  await up(searching, "--dns-autopath");
  await sealane.run("exec", "pod/broken", "--", "curl", "-s", "-X", "POST", "http://localhost/_sealane/unready");
}, 60_000);
afterAll(async () => {
  await sealane.cleanUp();
  await searching.cleanUp();
});

const trace = (...args: readonly string[]) => sealane.run("dns", "trace", ...args);
/** Without what differs from run to run. */
const steady = (text: string) => text.replaceAll(/ +[0-9]+ us/g, " N us").replaceAll(/[0-9.]+ ms/g, "N ms");

async function report(lab: Sealane, ...args: readonly string[]): Promise<TraceReport> {
  const { stdout } = await lab.run("dns", "trace", ...args, "-o", "json");
  return JSON.parse(stdout) as TraceReport;
}

describe("sealane dns trace", () => {
  it("shows every query for a name of the world, and what would make it cheap", async () => {
    const { code, stdout } = await trace("pod/asker", "api.example.com");
    expect(code).toBe(0);
    expect(steady(stdout)).toBe(`pod/asker in default on node-1 looks up api.example.com (A and AAAA) with glibc
  nameserver 10.96.0.10; search default.svc.cluster.local svc.cluster.local cluster.local; options ndots:5

1. api.example.com.default.svc.cluster.local.  (search list, 1 of 3)
   A N us  NXDOMAIN  <- cluster zone: there is no Service default/com
   AAAA N us  NXDOMAIN  <- cluster zone: there is no Service default/com
   goes on: it does not exist

2. api.example.com.svc.cluster.local.  (search list, 2 of 3)
   A N us  NXDOMAIN  <- cluster zone: there is no namespace com
   AAAA N us  NXDOMAIN  <- cluster zone: there is no namespace com
   goes on: it does not exist

3. api.example.com.cluster.local.  (search list, 3 of 3)
   A N us  NXDOMAIN  <- cluster zone: nothing but svc and pod is in cluster.local
   AAAA N us  NXDOMAIN  <- cluster zone: nothing but svc and pod is in cluster.local
   goes on: it does not exist

4. api.example.com.  (as it stands)
   A N us  192.168.100.60  <- upstream 192.168.100.1:53: it was asked, and took N ms
   AAAA N us  no records  <- upstream 192.168.100.1:53: it was asked, and took N ms
   stops: it has what was asked for

Result: 192.168.100.60
Cost:   8 queries, 7 of them in vain, N ms

Cheaper:
  2 queries  write the whole name with a dot at its end: api.example.com.
  2 queries  set the option ndots:2 in the pod's dnsConfig: names with 2 dots or more are then asked for as they stand first
  2 queries  give the pod no search list, with dnsPolicy None and dnsConfig
  2 queries  let the server search: sealane up --dns-autopath, or autopath in a Corefile
  4 queries  set the option no-aaaa (glibc 2.36 and later): there are no IPv6 addresses
`);
    const again = await trace("pod/asker", "api.example.com.");
    expect(again.stdout).toMatch(/A .* <- cache: heard [0-9] s ago, remembered for [0-9]+ s more/);
  });

  const found: readonly (readonly [
    args: readonly string[],
    results: readonly string[],
    queries: number,
    answeredBy: string,
  ])[] = [
    [["pod/asker", "web"], ["10.96.0.80"], 2, "cluster zone"],
    [["pod/asker.default", "web", "-t", "a"], ["10.96.0.80"], 1, "cluster zone"],
    [["pod/asker", "cart.shop", "--resolver", "musl"], ["10.96.0.81"], 4, "cluster zone"],
    [["pod/asker", "_http._tcp.web", "-t", "SRV"], ["0 100 80 web.default.svc.cluster.local."], 1, "cluster zone"],
    [["pod/asker", "10.96.0.80"], ["web.default.svc.cluster.local."], 1, "reverse zone"],
    [["pod/outsider", "-n", "shop", "api.example.com"], ["192.168.100.60"], 2, "192.168.100.1"],
  ];
  it.each(found)("%j finds %j in %i queries", async (args, results, queries, answeredBy) => {
    const one = await report(sealane, ...args);
    expect(one).toMatchObject({ end: "found", results, cost: { queries } });
    expect(one.names.at(-1)?.queries[0]?.answeredBy).toBe(answeredBy);
  });

  it("needs no query for what a pod knows by itself", async () => {
    expect(await report(sealane, "pod/asker", "asker")).toMatchObject({
      withoutQuery: "the pod's /etc/hosts",
      cost: { queries: 0 },
    });
    expect((await trace("pod/asker", "10.96.0.80", "-t", "A")).stdout).toContain(
      "no query: the name is an address says it",
    );
  });

  const missing: readonly (readonly [args: readonly string[], findings: readonly string[]])[] = [
    [
      ["pod/asker", "wbe"],
      ["there is no Service default/wbe", "similar names that exist: web.default"],
    ],
    [
      ["pod/asker", "cart"],
      ["there is no Service default/cart", "similar names that exist: cart.shop"],
    ],
    [
      ["pod/asker", "web.shpo"],
      ["there is no namespace shpo", "similar names that exist: namespace shop"],
    ],
    [["pod/asker", "none.example.com"], ["none.example.com does not exist: upstream 192.168.100.1:53 says NXDOMAIN"]],
    [["pod/outsider.shop", "none.example.com"], ["none.example.com does not exist: 192.168.100.1 says NXDOMAIN"]],
    [["pod/asker", "waiting"], ["headless Service default/waiting has no ready endpoint: pod/broken is not ready"]],
    [
      ["pod/asker", "_https._tcp.web", "-t", "SRV"],
      ["Service default/web has no port https/tcp: its ports with names are http/tcp"],
    ],
    [
      ["pod/outsider.shop", "cart"],
      [
        "pod/outsider asks 192.168.100.1 and not cluster DNS, because its dnsPolicy is Default; cluster DNS knows cart.shop.svc.cluster.local",
      ],
    ],
  ];
  it.each(missing)("%j says why nothing is found", async (args, findings) => {
    const { code, stdout } = await trace(...args);
    expect(code).toBe(1);
    expect(stdout.match(/(?<=^ {2}why: ).*/gm)).toEqual(findings);
  });

  it("searches at the server where autopath is on", async () => {
    const { names, cost, cheaper } = await report(searching, "pod/asker", "api.example.com");
    expect(cost.queries).toBe(2);
    expect(names.map(({ name }) => name)).toEqual(["api.example.com.default.svc.cluster.local."]);
    expect(names[0]?.queries[0]).toMatchObject({
      answeredBy: "autopath, upstream 192.168.100.1:53",
      answers: ["CNAME api.example.com.", "A 192.168.100.60"],
    });
    expect(cheaper.map(({ kind }) => kind)).toEqual(["no-aaaa"]);
  });

  const wrong: readonly (readonly [args: readonly string[], code: number, message: string])[] = [
    [["pod/askr", "web"], 1, "sealane: There is no pod askr in this lab: did you mean pod/asker.default?\n"],
    [
      ["pod/asker", "web", "-n", "shop"],
      1,
      "sealane: There is no pod asker in namespace shop: did you mean pod/asker.default?\n",
    ],
    [
      ["pod/asker", "web..shop"],
      1,
      'sealane: "web..shop" is no domain name: a name has labels of 1 to 63 characters between dots, and 253 characters in all\n',
    ],
    [["node/1", "web"], 2, 'sealane: Only pods can be traced, as pod/NAME, not "node/1"\n'],
    [["pod/asker"], 2, "sealane: Say which name to look up, after the pod\n"],
    [[], 2, "sealane: Say which pod looks what up: sealane dns trace pod/NAME NAME\n"],
    [["pod/asker", "a", "b"], 2, "sealane: One name at a time, not also b\n"],
    [["pod/asker", "web", "-t", "MX"], 2, 'sealane: -t must be one of A, AAAA, SRV, PTR, ALL, not "MX"\n'],
    [["pod/asker", "web", "--resolver", "bind"], 2, 'sealane: --resolver must be glibc or musl, not "bind"\n'],
    [["pod/asker", "web", "-o", "yaml"], 2, 'sealane: -o must be json, not "yaml"\n'],
  ];
  it.each(wrong)("%j is an error that says what to do", async (args, code, message) => {
    const { code: given, stdout, stderr } = await trace(...args);
    expect({ given, stdout }).toEqual({ given: code, stdout: "" });
    // Mistakes of the command line point to the help of this very command.
    expect(stderr).toBe(message + (code === 2 ? 'Try "sealane dns trace --help".\n' : ""));
  });

  it("has a help of its own", async () => {
    expect((await trace("--help")).stdout).toMatch(/^Usage: sealane dns trace pod\/NAME/);
    expect((await sealane.run("dns", "--help")).stdout).toMatch(/^Usage: sealane dns \[--kubeconfig/);
  });

  it("tells of a node whose agent is dead", async () => {
    expect((await sealane.run("node", "stop", "node-1")).code).toBe(0);
    const { code, stdout } = await trace("pod/asker", "web", "-t", "A");
    expect(code).toBe(1);
    expect(stdout).toContain("why: nothing listens at 10.96.0.10 port 53");
  });
});
