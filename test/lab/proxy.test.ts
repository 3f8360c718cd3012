import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectCluster } from "../../src/client/index.ts";
import { resources } from "../../src/objects/index.ts";
import { keepConnectingFrom } from "./keep-connecting.ts";
import { Sealane, until } from "./sealane.ts";

const sealane = new Sealane();
const exec = async (place: string, ...command: readonly string[]): Promise<string> =>
  (await sealane.run("exec", place, "--", ...command)).stdout;
const program = fileURLToPath(new URL("../../bin/sealane.js", import.meta.url));

const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {sealane.dev/weight: "5"}}
    spec: {containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, clusterIP: 10.96.0.80, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: v1
kind: Service
metadata: {name: picky, annotations: {sealane.dev/scheduler: fastest}}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: vague, labels: {app: vague}, annotations: {sealane.dev/weight: "heavy"}}
spec: {containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: vague}
spec: {selector: {app: vague}, ports: [{port: 80}]}
`;

beforeAll(async () => {
  const up = await sealane.runWith(manifest, "up", "-d", "-f", "-");
  expect(up).toMatchObject({ code: 0, stderr: "" });
});
afterAll(() => sealane.cleanUp());

describe("a node's proxy", () => {
  it("answers at kube-proxy's addresses", async () => {
    const health = JSON.parse(await exec("node/1", "curl", "-s", "http://127.0.0.1:10256/healthz")) as object;
    expect(health).toMatchObject({ nodeEligible: true, healthy: true });
    expect(await exec("client", "curl", "-s", "http://192.168.100.11:10256/livez")).toContain('"healthy":true');
    expect(await exec("node/1", "curl", "-s", "http://127.0.0.1:10249/proxyMode")).toBe("nftables");
    expect(await exec("node/1", "curl", "-s", "http://127.0.0.1:10249/configz")).toContain('"kubeproxy.config.k8s.io"');
    expect(await exec("node/1", "curl", "-s", "http://127.0.0.1:10249/metrics")).toMatch(
      /kubeproxy_sync_proxy_rules_duration_seconds_count\{ip_family="IPv4"\} [1-9]/,
    );
    expect(await exec("node/1", "curl", "-s", "http://127.0.0.1:10249/nothing")).toContain("404");
  });

  it("says in the status and in an Event what it cannot do as asked", async () => {
    const { stdout } = await sealane.run("status");
    expect(stdout).toMatch(/Served otherwise than asked:\n {2}default\/picky .*there is no scheduler "fastest"/);
    expect(stdout).toMatch(/^node-1 .* nftables +Ready$/m);
    expect(stdout).toContain(
      "\n  default/vague: pod vague counts with weight 1: annotation sealane.dev/weight must be",
    );

    const api = await connectCluster({ kubeconfig: (await sealane.run("kubeconfig")).stdout.trim() });
    const eventsOf = async (service: string): Promise<readonly string[]> => {
      const { items } = await api.list(resources.events, { namespace: "default" });
      const own = items.filter(({ involvedObject: { kind, name } }) => kind === "Service" && name === service);
      return own.map(({ type, reason, message }) => `${type} ${reason} ${message}`);
    };
    for (const node of ["node-1", "node-2", "node-3"]) {
      const wanted = `Warning ServiceLimited on ${node}: annotation sealane.dev/scheduler: there is no scheduler "fastest"`;
      await expect.poll(() => eventsOf("picky"), { timeout: 10_000 }).toContainEqual(expect.stringContaining(wanted));
    }
    await expect
      .poll(() => eventsOf("vague"), { timeout: 10_000 })
      .toContainEqual(expect.stringContaining("Warning InvalidWeight pod vague counts with weight 1: annotation"));
    api.close();
  });

  it("switches its mode without a lost connection, from inside and from outside", async () => {
    const probes = await Promise.all([
      keepConnectingFrom(sealane, "node/1", "10.96.0.80", 80),
      keepConnectingFrom(sealane, "client", "192.168.100.11", 30080),
    ]);
    for (const mode of ["userspace", "nftables"]) {
      for (const node of ["node-1", "node/2", "3"]) {
        expect(await sealane.run("proxy", "set-mode", node, mode)).toMatchObject({ code: 0, stderr: "" });
      }
      expect(await exec("node/2", "curl", "-s", "http://127.0.0.1:10249/proxyMode")).toBe(mode);
    }
    for (const probe of probes) {
      const { count, failures } = await probe.stop();
      expect(failures).toEqual([]);
      expect(count).toBeGreaterThan(20);
    }
    expect(await exec("node/1", "sh", "-c", "iptables-legacy-save; iptables-nft-save 2>/dev/null")).not.toContain(
      "KUBE-",
    );
    const tables = (await exec("node/1", "nft", "list", "tables")).trim().split("\n");
    expect(tables.toSorted()).toEqual(["table ip sealane", "table ip sealane-cni", "table ip sealane-dns"]);
  }, 60_000);

  it("stays in its mode when its agent is started again", async () => {
    expect((await sealane.run("proxy", "set-mode", "node-2", "userspace")).code).toBe(0);
    await sealane.run("node", "stop", "node-2");
    expect((await sealane.run("proxy", "set-mode", "node-2", "nftables")).stderr).toContain("does not run");
    await sealane.run("node", "start", "node-2");
    await expect
      .poll(() => exec("node/2", "curl", "-s", "http://127.0.0.1:10249/proxyMode"), { timeout: 10_000 })
      .toBe("userspace");
  });

  it.each([
    [["set-mode", "node-9", "iptables"], 'no node "node-9"'],
    [["set-mode", "node-1", "fast"], 'no proxy mode "fast"'],
    [["set-mode", "node-1", "ebpf"], "planned, but not there yet"],
    [["set-mode", "node-1"], "Say which node and which mode"],
    [["run", "--kubeconfig", "/no/such/file"], "/no/such/file"],
    [["run", "--kubeconfig", "x", "--nodeport-addresses", "some"], "--nodeport-addresses must be networks"],
    [["frob"], "Say what to do"],
  ])("refuses %j", async (args, message) => {
    const { code, stderr } = await sealane.run("proxy", ...args);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain(message);
  });
});

describe("sealane proxy rules", () => {
  it("prints the rules that the node really has, with what they are for", async () => {
    const { stdout, code } = await sealane.run("proxy", "rules", "svc/web", "--node", "3", "--mode", "nftables");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^default\/web on node-3, nftables:\n# .+\nadd element ip sealane services \{ 10\.96\.0\.80/,
    );
    const kernel = await exec("node/3", "nft", "list", "map", "ip", "sealane", "services");
    const printed = [...stdout.matchAll(/ services \{ (\S+ \. tcp \. \d+) /g)].map(([, key]) => key ?? "");
    expect(printed).toHaveLength(2);
    for (const key of printed) expect(kernel).toContain(key);
  });

  it("needs no lab: manifests say what there would be, in every mode", async () => {
    const file = join(sealane.directory, "web.yaml");
    writeFileSync(file, manifest);
    const json = await sealane.run("proxy", "rules", "default/picky", "-f", file, "-o", "json");
    const { modes, problems } = JSON.parse(json.stdout) as {
      readonly modes: readonly { readonly mode: string; readonly rules: readonly object[] }[];
      readonly problems: readonly string[];
    };
    expect(modes.map(({ mode }) => mode)).toEqual(["nftables", "iptables", "ipvs", "userspace"]);
    for (const { rules } of modes) expect(rules.length).toBeGreaterThan(2);
    expect(problems.join()).toContain('there is no scheduler "fastest"');
  });

  it.each([
    [["svc/nope"], "There is no Service nope in namespace default; there are"],
    [["svc/kube-dns"], "but in kube-system: say -n kube-system"],
    [["svc/web", "--node", "9"], 'There is no node "node-9"; the nodes are node-1, node-2, node-3'],
    [["a/b/c"], "Say svc/NAME or NAMESPACE/NAME"],
    [[], "Say which Service"],
    [["web", "-f", "/no/such/file"], "no file or directory /no/such/file"],
  ])("refuses %j", async (args, message) => {
    const { code, stderr } = await sealane.run("proxy", "rules", ...args);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain(message);
  });
});

describe("sealane proxy run", () => {
  it("is a node proxy beside any API server, until it is cleaned up", async () => {
    // The client joins as a node: it reaches the API at the router, and the pods by way of node-1.
    const kubeconfig = readFileSync((await sealane.run("kubeconfig")).stdout.trim(), "utf8");
    const file = join(sealane.directory, "outside.kubeconfig");
    writeFileSync(file, kubeconfig.replace(/https:\/\/127\.0\.0\.1:\d+/, "https://192.168.100.1:6443"));
    const config = join(sealane.directory, "kube-proxy.yaml");
    writeFileSync(
      config,
      "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\noomScoreAdj: -999\n" +
        `clientConnection: {kubeconfig: ${file}}\nhostnameOverride: Client-1\nclusterCIDR: 10.244.0.0/16\n`,
    );
    await exec("client", "ip", "route", "add", "10.244.0.0/16", "via", "192.168.100.11");
    const run = sealane.start("exec", "client", "--", process.execPath, program, "proxy", "run", "--config", config);
    await until("all rules are in the kernel", () => run.output().includes("all rules are in the kernel"));
    expect(run.output()).toContain("oomScoreAdj is not acted on");
    expect(run.output()).toContain("node=client-1");
    expect(await exec("client", "curl", "-sm2", "http://10.96.0.80")).toContain("pod: web-");
    run.child.kill("SIGTERM");
    await until("it has ended", () => run.output().includes("its rules stay"));
    expect(await exec("client", "curl", "-sm2", "http://10.96.0.80")).toContain("pod: web-");
    expect(await exec("client", process.execPath, program, "proxy", "run", "--cleanup")).toContain("are removed");
    expect(await exec("client", "nft", "list", "tables")).toBe("");
  });

  it("does not say that rules are removed which it may not remove", async () => {
    const nobody = new Sealane(process.getuid?.() === 0 ? 65534 : undefined);
    const { code, stdout, stderr } = await nobody.run("proxy", "run", "--cleanup");
    await nobody.cleanUp();
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^sealane: Rules could not be removed: nftables: .*not permitted/);
  });
});
