import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { example, Sealane, until } from "./sealane.ts";

const sealane = new Sealane();
const exec = (place: string, ...command: readonly string[]) => sealane.run("exec", place, "--", ...command);
const inPod = (...command: readonly string[]) => exec("pod/multi-0", ...command);

beforeAll(async () => {
  expect(await sealane.run("up", "-d", "-f", example("tour"))).toMatchObject({ code: 0, stderr: "" });
});
afterAll(() => sealane.cleanUp());

describe("sealane exec", () => {
  it.each([
    ["client", "192.168.100.10/24", "nameserver 192.168.100.1\n"],
    ["router", "192.168.100.1/24", "nameserver 192.168.100.1\n"],
    ["node/2", "192.168.100.12/24", "nameserver 192.168.100.1\n"],
    ["node/node-3", "192.168.100.13/24", "nameserver 192.168.100.1\n"],
    [
      "pod/multi-0",
      "10.244.",
      "search tour.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n",
    ],
  ])("has the addresses and the resolver of %s", async (place, address, resolver) => {
    const seen = await exec(place, "sh", "-c", "ip -br -4 address show eth0; cat /etc/resolv.conf");
    expect(seen).toMatchObject({ code: 0, stderr: "" });
    const [first, ...rest] = seen.stdout.split("\n");
    expect(first).toContain(` ${address}`);
    expect(rest.join("\n")).toBe(resolver);
  });

  it.each([
    [["true"], 0],
    [["sh", "-c", "exit 7"], 7],
    [["no-such-program"], 127],
    [["sh", "-c", "kill -TERM $$"], 143],
    [["sh", "-c", "kill -KILL $$"], 137],
  ])("gives the exit code of %j", async (command, code) => {
    expect((await exec("client", ...command)).code).toBe(code);
  });

  it("passes a signal on, and ends with what the command ends with", async () => {
    const { child, output } = sealane.start(
      "exec",
      "client",
      "--",
      "sh",
      "-c",
      "trap 'echo bye; exit 3' TERM; echo here; while :; do read line; done",
    );
    await until("the command runs", () => output().includes("here"));
    child.kill("SIGTERM");
    // The shell acts on it when its `read` ends.
    child.stdin?.write("\n");
    await until("the command has ended", () => child.exitCode !== null);
    expect({ code: child.exitCode, output: output() }).toEqual({ code: 3, output: "here\nbye\n" });
  });

  it("carries a megabyte in and out", async () => {
    const text = "Every Service has a name.\n".repeat(40_000);
    const back = await sealane.runWith(text, "exec", "pod/multi-0", "--", "cat");
    expect(back.code).toBe(0);
    expect(back.stdout === text).toBe(true);
  });

  it("gives the command a terminal when there is one", async () => {
    const inside = "npx sealane exec client -- sh -c 'test -t 0 && test -t 1 && tty'";
    expect((await sealane.runShell(`script -qec "${inside}" /dev/null < /dev/null`)).stdout).toMatch(
      /^\/dev\/pts\/\d+\r\n$/,
    );
    expect((await exec("client", "tty")).code).toBe(1);
  });

  it.each([
    ["node/9", "There is no node/9 in this lab"],
    ["pod/nobody", "There is no pod nobody in namespace default"],
    ["moon", 'There is no place "moon"'],
  ])("says that there is no %s", async (place, message) => {
    const { code, stderr } = await exec(place, "true");
    expect(stderr).toContain(message);
    expect(code).toBe(1);
  });
});

describe("a node whose packet filter somebody flushes", () => {
  it("gives its pods names, Services and the world outside back within seconds", async () => {
    const urls = ["http://web.tour", "http://db.example.com:81/"];
    const fetched = async (): Promise<string> => (await inPod("curl", "-sm3", ...urls)).stdout;
    const everything = /pod: back-end-[^]*host: db\.example\.com/;
    expect(await fetched()).toMatch(everything);
    const nodes = ["node/1", "node/2", "node/3"];
    const tables = async (): Promise<readonly string[]> =>
      Promise.all(
        nodes.map(async (node) => (await exec(node, "nft", "list", "tables")).stdout.split("\n").sort().join("\n")),
      );
    const before = await tables();
    for (const node of nodes)
      expect(await exec(node, "nft", "flush", "ruleset")).toMatchObject({ code: 0, stderr: "" });
    await expect.poll(tables, { timeout: 10_000 }).toEqual(before);
    expect(await fetched()).toMatch(everything);
  });
});

describe("programs of the host in the lab", () => {
  it("curl reaches a Service by its name, a node port, an outside host", async () => {
    expect((await inPod("curl", "-sm3", "http://web.tour")).stdout).toContain("pod: back-end-");
    expect((await exec("client", "curl", "-sm3", "http://192.168.100.12:30080/path?a=b")).stdout).toMatch(
      /pod: back-end-[^]*client: 192\.168\.100\.12:[^]*request: GET \/path\?a=b\n/,
    );
    for (const place of ["client", "router", "node/1", "pod/multi-0"]) {
      expect((await exec(place, "curl", "-sm3", "http://db.example.com:81/")).stdout).toContain("host: db.example.com");
    }
    const legacy = await inPod("curl", "-sm3", "http://legacy-db:5432/");
    expect(legacy.stdout).toContain("port: 5432/TCP\n");
  });

  it("dig gets A, SRV, PTR and CNAME records, and knows what is not there", async () => {
    const dig = async (...args: readonly string[]) => (await inPod("dig", "+short", "+timeout=2", ...args)).stdout;
    const addresses = (await dig("db.tour.svc.cluster.local")).trim().split("\n");
    expect(addresses).toHaveLength(2);
    expect(await dig("db-1.db.tour.svc.cluster.local")).toBe(
      `${(await exec("pod/db-1", "hostname", "-I")).stdout.trim()}\n`,
    );
    const records = (await dig("SRV", "_sql._tcp.db.tour.svc.cluster.local")).trim().split("\n").toSorted();
    expect(records).toEqual(
      [0, 1].map((n) => expect.stringMatching(`^0 50 5432 db-${n}\\.db\\.tour\\.svc\\.cluster\\.local\\.$`) as string),
    );
    // One name for each headless Service: db-peers is not the set's own, so it calls the pod by its address.
    const names = (await dig("-x", addresses[0] ?? "")).trim().split("\n").toSorted();
    expect(names).toEqual([
      `${addresses[0]?.replaceAll(".", "-")}.db-peers.tour.svc.cluster.local.`,
      expect.stringMatching(/^db-[01]\.db\.tour\.svc\.cluster\.local\.$/),
    ]);
    expect(await dig("-x", "10.96.0.10")).toBe("kube-dns.kube-system.svc.cluster.local.\n");
    expect(await dig("legacy-db.tour.svc.cluster.local")).toBe("db.example.com.\n192.168.100.50\n");
    expect(await dig("+tcp", "+search", "multi")).toMatch(/^10\.96\.\d+\.\d+\n$/);
    const missing = await inPod("dig", "+timeout=2", "nobody.tour.svc.cluster.local");
    expect(missing.stdout).toContain("status: NXDOMAIN");
  });

  it("ncat gets an answer to a datagram", async () => {
    // Its input stays open: at the end of it ncat waits for nothing more.
    const { child, output } = sealane.start("exec", "pod/db-0", "--", "ncat", "-u", "multi.tour", "53");
    child.stdin?.write("hello");
    await until("the answer has come", () => output().endsWith("\n"));
    expect(JSON.parse(output())).toMatchObject({ pod: "multi-0", protocol: "UDP", port: 5353, received: "hello" });
  });

  it("ping, ss and ip route work in a pod", async () => {
    expect((await inPod("ping", "-c1", "-W2", "db-0.db")).code).toBe(0);
    expect((await inPod("ss", "-Hltn", "sport = :8080")).stdout).toContain(":8080");
    expect((await inPod("ip", "route")).stdout).toMatch(/^default via /m);
  });
});

describe("two labs at once", () => {
  const other = new Sealane();
  afterAll(() => other.cleanUp());

  it("have the same addresses and do not meet", async () => {
    const manifest =
      "apiVersion: v1\nkind: Pod\nmetadata: {name: only-here, labels: {app: x}}\nspec: {containers: [{name: a, image: a}]}\n";
    const service =
      "---\napiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {type: LoadBalancer, selector: {app: x}, ports: [{port: 80}]}\n";
    expect(await other.runWith(manifest + service, "up", "-d", "--name", "other", "-f", "-")).toMatchObject({
      code: 0,
    });
    expect(await sealane.runWith(manifest, "up", "-d", "--name", "second", "-f", "-")).toMatchObject({ code: 0 });
    const [here, there] = await Promise.all([
      exec("client", "curl", "-sm3", "http://192.168.100.200"),
      other.run("exec", "--name", "other", "client", "--", "curl", "-sm3", "http://192.168.100.200"),
    ]);
    expect(here.stdout).toContain("namespace: tour\n");
    expect(there.stdout).toContain("pod: only-here\n");
    expect((await exec("pod/only-here", "true")).stderr).toContain("There is no pod only-here");
    expect(await sealane.run("exec", "--name", "second", "pod/only-here", "--", "hostname")).toMatchObject({
      stdout: "only-here\n",
    });
    expect(await sealane.run("down", "--name", "second")).toMatchObject({ code: 0 });
    expect((await exec("client", "curl", "-sm3", "http://192.168.100.200")).stdout).toContain("namespace: tour\n");
  });
});
