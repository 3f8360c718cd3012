import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createIdentity } from "../../src/apiserver/tls/identity.ts";
import { createStaticZone } from "../../src/dns/index.ts";
import { listenDns, systemClock } from "../../src/net/index.ts";
import type { DnsListener } from "../../src/net/index.ts";
import { listedApi } from "../dns/listed-api.ts";
import type { ListedApi } from "../dns/listed-api.ts";
import { freePort } from "../dns/served-dns.ts";
import { Sealane, until } from "./sealane.ts";
import type { Started } from "./sealane.ts";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "sealane-dns-"));
const cleanups: (() => unknown)[] = [];
let sealane: Sealane;
let upstream: DnsListener;
let upstreamPort: number;
const slow: (() => void)[] = [];

beforeAll(async () => {
  sealane = new Sealane();
  const zone = createStaticZone(
    { "db.example.com": ["192.0.2.50"], "slow.example.com": ["192.0.2.51"] },
    { clock: systemClock, random: Math.random },
  );
  upstream = listenDns({
    addresses: ["127.0.0.1"],
    port: 0,
    answer: (bytes, transport) =>
      // Names that begin with "slow" wait until the test lets them go.
      Buffer.from(bytes).includes("slow")
        ? new Promise((resolve) => void slow.push(() => resolve(zone.answer(bytes, transport))))
        : zone.answer(bytes, transport),
  });
  upstreamPort = await upstream.ready;
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  await upstream.close(0);
  await sealane.cleanUp();
  rmSync(folder, { recursive: true });
});

async function api(port = 0): Promise<ListedApi> {
  const started = await listedApi({ port });
  cleanups.push(started.close);
  return started;
}

interface Running extends Started {
  readonly port: number;
  readonly corefile: string;
  readonly write: (plugins: string) => void;
  readonly dig: (...args: readonly string[]) => Promise<string>;
}

/** The command with a Corefile of one block. */
async function serve(plugins: string, before = ""): Promise<Running> {
  const port = await freePort();
  const corefile = join(folder, `Corefile-${port}`);
  const write = (text: string) => writeFileSync(corefile, `${before}.:${port} {\n bind 127.0.0.1\n ${text}\n}\n`);
  write(plugins);
  const started = sealane.start("dns", "--corefile", corefile);
  cleanups.push(() => started.child.kill("SIGKILL"));
  await until("DNS to answer", () => started.output().includes("DNS answers on"));
  const dig = async (...args: readonly string[]) =>
    (await run("dig", ["@127.0.0.1", "-p", String(port), "+tries=1", "+time=3", "+short", ...args])).stdout.trim();
  return { ...started, port, corefile, write, dig };
}

/** Waits for a condition that has to be asked for. */
async function eventually(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Not so after 10 s: ${what}`);
    await new Promise((resolve) => void setTimeout(resolve, 20));
  }
}

async function page(port: number, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return `${response.status} ${await response.text()}`;
}

interface Loaded {
  readonly sent: number;
  readonly lost: number;
  /** How many the server could not answer (SERVFAIL). */
  readonly failed: number;
}

/** Runs dnsperf for so many seconds. */
async function load(port: number, seconds: number): Promise<Loaded> {
  const file = join(folder, "queries");
  writeFileSync(
    file,
    "web.tour.svc.cluster.local A\nno.tour.svc.cluster.local AAAA\n_http._tcp.web.tour.svc.cluster.local SRV\n",
  );
  const { stdout } = await run("dnsperf", [
    ..."-s 127.0.0.1 -c 4 -Q 3000 -d".split(" "),
    file,
    "-p",
    String(port),
    "-l",
    String(seconds),
  ]);
  const number = (label: string) => Number(new RegExp(`${label}:\\s+([0-9]+)`).exec(stdout)?.[1]);
  const failed = Number(/SERVFAIL ([0-9]+)/.exec(stdout)?.[1] ?? 0);
  return { sent: number("Queries sent"), lost: number("Queries lost"), failed };
}

const kubernetes = (port: number, more = "") =>
  `kubernetes cluster.local in-addr.arpa ip6.arpa {\n endpoint http://127.0.0.1:${port}\n fallthrough in-addr.arpa ip6.arpa\n ${more}\n }`;

describe("sealane dns", () => {
  it("serves a cluster as a Corefile says, with pages for operators", async () => {
    const { port } = await api();
    const [health, ready, metrics] = [await freePort(), await freePort(), await freePort()];
    const { dig } = await serve(`errors
      health 127.0.0.1:${health}
      ready 127.0.0.1:${ready}
      prometheus 127.0.0.1:${metrics}
      ${kubernetes(port)}
      forward . 127.0.0.1:${upstreamPort}
      cache 30
      loop
      loadbalance`);
    expect(await dig("web.tour.svc.cluster.local")).toBe("10.96.1.1");
    expect(await dig("+tcp", "-x", "10.96.1.1")).toBe("web.tour.svc.cluster.local.");
    expect(await dig("db.example.com")).toBe("192.0.2.50");
    expect(await page(health, "/health")).toBe("200 OK");
    expect(await page(ready, "/ready")).toBe("200 OK");
    expect(await page(ready, "/other")).toBe("404 404 page not found");
    const text = await page(metrics, "/metrics");
    expect(text).toContain("coredns_build_info{");
    expect(text).toMatch(/coredns_dns_requests_total\{.*proto="tcp".*type="PTR"\} 1/);
    expect(text).toContain('sealane_dns_watch_connected{kind="Service"} 1');
  });

  it("is not ready before the cluster's names are there, and answers from its last state while the API is away", async () => {
    const apiPort = await freePort();
    const [ready, metrics] = [await freePort(), await freePort()];
    const { dig } = await serve(
      `ready 127.0.0.1:${ready}\n prometheus 127.0.0.1:${metrics}\n ${kubernetes(apiPort, "startup_timeout 100ms")}`,
    );
    expect(await page(ready, "/ready")).toBe("503 kubernetes");
    expect(await dig("+noshort", "+comments", "web.tour.svc.cluster.local")).toContain("status: SERVFAIL");
    const { close } = await api(apiPort);
    await eventually("the names", async () => (await page(ready, "/ready")) === "200 OK");
    expect(await dig("web.tour.svc.cluster.local")).toBe("10.96.1.1");
    close();
    await eventually("the metric", async () =>
      (await page(metrics, "/metrics")).includes('sealane_dns_watch_connected{kind="Service"} 0'),
    );
    expect(await dig("web.tour.svc.cluster.local")).toBe("10.96.1.1");
    expect(await page(ready, "/ready")).toBe("200 OK");
  });

  it("takes a new Corefile under load without losing a query, and keeps the old one when the new one is wrong", async () => {
    const { port } = await api();
    const metrics = await freePort();
    const plugins = (ttl: string) => `prometheus 127.0.0.1:${metrics}\n ${kubernetes(port, `ttl ${ttl}`)}`;
    const dns = await serve(plugins("5"));
    const loaded = load(dns.port, 3);
    const ttl = async () =>
      (await dns.dig("+noshort", "+noall", "+answer", "web.tour.svc.cluster.local")).split(/\s+/)[1];
    for (const value of ["11", "12", "13"]) {
      dns.write(plugins(value));
      dns.child.kill("SIGHUP");
      await eventually("the new answers", async () => (await ttl()) === value);
    }
    dns.write(plugins("many"));
    dns.child.kill("SIGHUP");
    await until("the complaint", () => dns.output().includes('"many\\" is no number from 0 to 3600'));
    expect(await ttl()).toBe("13");
    expect(await page(metrics, "/metrics")).toContain("\ncoredns_reload_failed_total 1\n");
    const { sent, lost, failed } = await loaded;
    expect(sent).toBeGreaterThan(3000);
    expect({ lost, failed }).toEqual({ lost: 0, failed: 0 });
  });

  it("answers under load from what it knows until all that a new Corefile chooses is there", async () => {
    const { port } = await api();
    const dns = await serve(kubernetes(port));
    const first = await dns.dig("web.tour.svc.cluster.local");
    const loaded = load(dns.port, 2);
    dns.write(kubernetes(port, "endpoint_pod_names"));
    dns.child.kill("SIGHUP");
    await until("the reload", () => dns.output().includes("Configuration reloaded"));
    expect(await dns.dig("web.tour.svc.cluster.local")).toBe(first);
    const { sent, lost, failed } = await loaded;
    expect(sent).toBeGreaterThan(1000);
    expect({ lost, failed }).toEqual({ lost: 0, failed: 0 });
    dns.write(kubernetes(port, "labels app=nobody"));
    dns.child.kill("SIGHUP");
    await eventually("the names to go", async () => (await dns.dig("web.tour.svc.cluster.local")) === "");
  });

  it("takes a first cluster under load without losing a query", async () => {
    const { port } = await api();
    const dns = await serve(`forward . 127.0.0.1:${upstreamPort}`);
    const loaded = load(dns.port, 2);
    expect(await dns.dig("db.example.com")).toBe("192.0.2.50");
    dns.write(`${kubernetes(port)}\n forward . 127.0.0.1:${upstreamPort}`);
    dns.child.kill("SIGHUP");
    await until("the reload", () => dns.output().includes("Configuration reloaded"));
    expect(await dns.dig("web.tour.svc.cluster.local")).toBe("10.96.1.1");
    expect(await dns.dig("db.example.com")).toBe("192.0.2.50");
    const { sent, lost, failed } = await loaded;
    expect(sent).toBeGreaterThan(1000);
    expect({ lost, failed }).toEqual({ lost: 0, failed: 0 });
  });

  it("notices a changed Corefile by itself", async () => {
    const { port } = await api();
    const dns = await serve(`reload 2s 1s\n ${kubernetes(port)}`);
    dns.write(`reload 2s 1s\n ${kubernetes(port, "ttl 21")}`);
    await until("the reload", () => dns.output().includes("DNS configuration reloaded"));
    expect(await dns.dig("+noshort", "+noall", "+answer", "web.tour.svc.cluster.local")).toContain("21");
  });

  it("ends under load without losing a query, says no to /ready meanwhile, and answers what it has forwarded", async () => {
    const { port } = await api();
    const [health, ready] = [await freePort(), await freePort()];
    const dns = await serve(`health 127.0.0.1:${health} {\n lameduck 3s\n }
      ready 127.0.0.1:${ready}
      ${kubernetes(port)}
      forward . 127.0.0.1:${upstreamPort}`);
    const loaded = load(dns.port, 2);
    dns.child.kill("SIGTERM");
    await eventually("the end to begin", async () => (await page(ready, "/ready")) === "503 Shutting down");
    expect(await page(health, "/health")).toBe("200 OK");
    const { sent, lost, failed } = await loaded;
    expect(sent).toBeGreaterThan(2000);
    expect({ lost, failed }).toEqual({ lost: 0, failed: 0 });
    const waiting = dns.dig("slow.example.com", "+time=10");
    await until("the slow query", () => slow.length > 0);
    // The last thing that it does is to answer this one: nobody can connect any more.
    const overTcp = () => dns.dig("+tcp", "web.tour.svc.cluster.local").catch(() => "no answer");
    await eventually("the end of lameduck", async () => (await overTcp()) === "no answer");
    for (const release of slow.splice(0)) release();
    expect(await waiting).toBe("192.0.2.51");
    if (dns.child.exitCode === null) await once(dns.child, "exit");
    expect(dns.child.exitCode).toBe(0);
  });

  it("gives copies of the zone to those who may have them", async () => {
    const { port } = await api();
    const open = await serve(`${kubernetes(port)}\n transfer cluster.local {\n to 127.0.0.0/8\n }`);
    const copy = await open.dig("+noshort", "cluster.local", "AXFR");
    expect(copy).toMatch(/^web\.tour\.svc\.cluster\.local\.\s+5\s+IN\s+A\s+10\.96\.1\.1$/m);
    expect(copy.match(/\sSOA\s/g)).toHaveLength(2);
    const closed = await serve(kubernetes(port));
    expect(await closed.dig("+noshort", "cluster.local", "AXFR")).toContain("Transfer failed");
  });

  it("speaks TLS where a block says so", async () => {
    const { port } = await api();
    const tls = await freePort();
    const { keyPem, certificatePem } = createIdentity(Date.now());
    writeFileSync(join(folder, "tls.key"), keyPem);
    writeFileSync(join(folder, "tls.crt"), certificatePem);
    await serve(
      kubernetes(port),
      `tls://.:${tls} {\n bind 127.0.0.1\n tls ${folder}/tls.crt ${folder}/tls.key\n ${kubernetes(port)}\n}\n`,
    );
    const { stdout } = await run("dig", [
      "@127.0.0.1",
      "-p",
      String(tls),
      "+tls",
      "+short",
      "web.tour.svc.cluster.local",
    ]);
    expect(stdout.trim()).toBe("10.96.1.1");
  });

  it("works with flags in the place of a Corefile", async () => {
    const { port } = await api();
    const [dnsPort, ready] = [await freePort(), await freePort()];
    const kubeconfig = join(folder, "kubeconfig");
    const context = { name: "a", context: { cluster: "a", user: "a" } };
    const cluster = { name: "a", cluster: { server: `http://127.0.0.1:${port}` } };
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        "current-context": "a",
        contexts: [context],
        clusters: [cluster],
        users: [{ name: "a", user: {} }],
      }),
    );
    const flags = `--port ${dnsPort} --bind 127.0.0.1 --upstream 127.0.0.1:${upstreamPort} --ready 127.0.0.1:${ready}`;
    const more = "--log-queries 1 --ttl 7 --domain lab.test --upstream-hedge 200ms";
    const { child, output } = sealane.start("dns", "--kubeconfig", kubeconfig, ...`${flags} ${more}`.split(" "));
    cleanups.push(() => child.kill("SIGKILL"));
    await until("the names", () => output().includes("All names of the cluster are there"));
    const { stdout } = await run("dig", [
      "@127.0.0.1",
      "-p",
      String(dnsPort),
      "+noall",
      "+answer",
      "web.tour.svc.lab.test",
    ]);
    expect(stdout.trim().split(/\s+/)).toEqual(["web.tour.svc.lab.test.", "7", "IN", "A", "10.96.1.1"]);
    expect(await page(ready, "/ready")).toBe("200 OK");
    await until("the query log", () =>
      /\[INFO\] 127\.0\.0\.1:[0-9]+ - [0-9]+ "A IN web\.tour\.svc\.lab\.test\. udp /.test(output()),
    );
    child.kill("SIGINT");
    if (child.exitCode === null) await once(child, "exit");
    expect(child.exitCode).toBe(0);
  });

  const mistakes: readonly (readonly [string, string, number, string])[] = [
    [
      "a plugin that does not exist",
      ".:53 {\n  kubernets cluster.local\n}\n",
      1,
      ':2: there is no plugin "kubernets": did you mean kubernetes?',
    ],
    [
      "a plugin that is not supported",
      ".:53 {\n  errors\n  template IN A\n}\n",
      1,
      ":3: the plugin template is not supported: use hosts",
    ],
    [
      "a cluster without an API",
      ".:53 {\n  kubernetes cluster.local\n}\n",
      1,
      "there is no cluster to take names from: give --kubeconfig FILE",
    ],
    ["an address that is not there", ".:5300 {\n  bind 192.0.2.250\n  whoami\n}\n", 1, "192.0.2.250"],
    [
      "an interface that is not there",
      ".:5300 {\n  bind none0\n  whoami\n}\n",
      1,
      "bind none0: there is no such interface",
    ],
  ];
  it.each(mistakes)("says what is wrong with %s", async (name, text, code, message) => {
    const path = join(folder, name.replaceAll(" ", "-"));
    writeFileSync(path, text);
    const result = await sealane.run("dns", "--corefile", path);
    expect(result.stderr).toContain(message);
    expect([result.code, result.stderr.split("\n").length]).toEqual([code, 2]);
  });

  it.each([
    [["--ttl", "4000"], "--ttl must be a number from 0 to 3600"],
    [["--upstream", "dns.example.com"], "--upstream must be IP, IP:PORT, [IPv6]:PORT or tls://IP"],
    [["--upstream-hedge", "2s"], "--upstream-hedge must be more than 0 and less than 2s"],
    [["--corefile", "x", "--ttl", "5"], "--corefile and --ttl exclude each other"],
    [["--lameduck", "5s"], "--lameduck needs --health"],
    [["--domain", "a..b"], '--domain must be a name such as cluster.local, not "a..b"'],
    [["--domain", `${"a".repeat(64)}.b`], "--domain must be a name such as cluster.local"],
    [["--domain", "a.-b"], "--domain must be a name such as cluster.local"],
    [["--pods", "some"], "--pods must be one of disabled, insecure, verified"],
  ])("refuses %j", async (args, message) => {
    const { code, stderr } = await sealane.run("dns", ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it("says what already listens", async () => {
    const { port } = await serve("whoami");
    const path = join(folder, "taken");
    writeFileSync(path, `.:${port} {\n bind 127.0.0.1\n whoami\n}\n`);
    const { code, stderr } = await sealane.run("dns", "--corefile", path);
    expect([code, stderr]).toEqual([
      1,
      `sealane: DNS cannot listen on 127.0.0.1 port ${port} (tcp): something else listens there; stop it or choose another port\n`,
    ]);
  });
});
