import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keepConnectingFrom } from "./keep-connecting.ts";
import { Sealane } from "./sealane.ts";

const sealane = new Sealane();
const run = async (...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await sealane.run(...args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
};
const exec = (place: string, ...command: readonly string[]): Promise<string> => run("exec", place, "--", ...command);
/** What these addresses answer, asked one after the other; one command, because each takes a second here. */
const fetch = (place: string, ...urls: readonly string[]): Promise<string> =>
  exec(place, "curl", "--silent", "--show-error", "--max-time", "20", ...urls);

const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, clusterIP: 10.96.0.80, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: v1
kind: Service
metadata: {name: local}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  sessionAffinity: ClientIP
  loadBalancerIP: 192.168.100.210
  selector: {app: web}
  ports: [{port: 80}]
---
apiVersion: v1
kind: Pod
metadata: {name: caller}
spec: {containers: [{name: c, image: busybox}]}
`;

beforeAll(async () => {
  const options = ["--nodes", "2", "--proxy-mode", "ipvs", "--timeout", "120s"];
  const up = await sealane.runWith(manifest, "up", "-d", "-f", "-", ...options);
  expect(up).toMatchObject({ code: 0, stderr: "" });
}, 150_000);
afterAll(() => sealane.cleanUp());

describe("a lab in proxy mode ipvs, on a kernel without nftables", () => {
  it("says so in its status", async () => {
    const status = await run("status");
    expect(status).toMatch(/^node-1 .* ipvs +Ready$/m);
    expect(status).toMatch(/^node-2 .* ipvs +Ready$/m);
    expect(status).toMatch(/^default\/web +LoadBalancer +10\.96\.0\.80 +192\.168\.100\.200 .* 3$/m);
  });

  it("serves names and cluster IPs to pods, which others outside see by their node's address", async () => {
    const answers = await fetch("pod/caller", "http://web", "http://10.96.0.80", "http://db.example.com");
    expect(answers.match(/^pod: web-/gm)).toHaveLength(2);
    expect(answers).toMatch(/^host: db\.example\.com\n(?:.*\n)*client: 192\.168\.100\.1[12]:/m);
  });

  it("serves node ports and load balancers outside, with the client's address where policy Local asks for it", async () => {
    const nodes = ["192.168.100.11:30080", "192.168.100.12:30080"];
    const answers = await fetch("client", ...nodes, "192.168.100.200", "192.168.100.210");
    expect(answers.match(/^pod: web-/gm)).toHaveLength(4);
    expect(answers).toContain("client: 192.168.100.10:");
  });

  it("has virtual servers, and iptables for what else a node needs", async () => {
    const saved = await exec("node/1", "sh", "-c", "ipvsadm -S -n; iptables-legacy-save");
    expect(saved).toMatch(/^-A -t 192\.168\.100\.210:80 -s rr -p 10800$/m);
    expect(saved).toContain("-A SEALANE-DNS-IN -d 10.96.0.10/32 -p udp -m udp --dport 53 -j CT --notrack");
  });

  it("switches a node to iptables and back without a lost connection", async () => {
    const probes = [
      await keepConnectingFrom(sealane, "client", "192.168.100.12", 30080, 30),
      await keepConnectingFrom(sealane, "node/2", "10.96.0.80", 80, 30),
    ];
    for (const mode of ["iptables", "ipvs"]) {
      expect(await run("proxy", "set-mode", "node-2", mode)).toContain(`new connections go by ${mode} now`);
    }
    for (const probe of probes) {
      const { count, failures } = await probe.stop();
      expect(failures).toEqual([]);
      expect(count).toBeGreaterThan(10);
    }
    const saved = await exec("node/2", "iptables-legacy-save");
    expect(saved).toContain("SEALANE-IPVS");
    expect(saved).not.toContain("KUBE-");
  });

  it("goes on when an agent is started again, with one of each rule", async () => {
    await run("node", "stop", "node-2");
    await run("node", "start", "node-2");
    const asked = ["node/2", "curl", "--silent", "http://127.0.0.1:10249/proxyMode"] as const;
    await expect.poll(() => exec(...asked), { timeout: 50_000 }).toBe("ipvs");
    const saved = await exec("node/2", "iptables-legacy-save");
    for (const jump of ["PREROUTING -j SEALANE-DNS-IN", "OUTPUT -j SEALANE-DNS-OUT", "POSTROUTING -j SEALANE-CNI"]) {
      expect(saved.split(`-A ${jump}\n`)).toHaveLength(2);
    }
  });

  it("prints the rules of a Service as the node has them", async () => {
    const rules = await run("proxy", "rules", "svc/web", "--node", "node-2");
    expect(rules).toMatch(/^default\/web on node-2, ipvs:\n/);
    const printed = [...rules.matchAll(/^ipvsadm (-A -t \S+) /gm)].map(([, server]) => server ?? "");
    expect(printed).toHaveLength(3);
    const servers = await exec("node/2", "ipvsadm", "-S", "-n");
    for (const server of printed) expect(servers).toContain(`${server} `);
  });
});
