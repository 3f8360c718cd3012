import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { enterOwnNamespaces } from "../../test/lab/own-namespaces.ts";
import { cidr, ip } from "../core/index.ts";
import { applyLinkSteps, createNamespace, inNamespace, removeNamespace, writeSysctls } from "./index.ts";
import type { LinkStep } from "./index.ts";

let folder: string;
const made: string[] = [];

function make(name: string): string {
  const path = join(folder, name);
  createNamespace(path);
  made.push(path);
  return path;
}

const addressesIn = (namespace: string) =>
  inNamespace(namespace, () => execFileSync("ip", ["-br", "address"], { encoding: "utf8" }));

beforeAll(enterOwnNamespaces);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sealane-netns-"));
});

afterEach(() => {
  for (const path of made.splice(0)) removeNamespace(path);
  rmSync(folder, { recursive: true });
});

describe("createNamespace()", () => {
  it("makes an empty namespace and leaves the thread where it was", () => {
    const before = readlinkSync("/proc/thread-self/ns/net");
    const path = make("empty");
    expect(readlinkSync("/proc/thread-self/ns/net")).toBe(before);
    expect(inNamespace(path, () => readlinkSync("/proc/thread-self/ns/net"))).not.toBe(before);
    expect(addressesIn(path)).toMatch(/^lo\s+DOWN\s*$/);
  });

  it("leaves nothing when the set-up throws", () => {
    const path = join(folder, "broken");
    const before = readlinkSync("/proc/thread-self/ns/net");
    expect(() => createNamespace(path, () => applyLinkSteps([{ kind: "link", name: "nosuch", state: "up" }]))).toThrow(
      "ip link set nosuch up",
    );
    expect(existsSync(path)).toBe(false);
    expect(readlinkSync("/proc/thread-self/ns/net")).toBe(before);
  });
});

describe("inNamespace()", () => {
  it("leaves a listening socket behind in the namespace", async () => {
    const path = make("listener");
    inNamespace(path, () => applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]));
    const server = createServer((socket) => socket.end("hello"));
    inNamespace(path, () => server.listen(8080));
    const listening = inNamespace(path, () => readFileSync("/proc/thread-self/net/tcp6", "utf8"));
    await new Promise((resolve) => server.close(resolve));
    expect(listening).toContain(":1F90 ");
  });

  it("comes back when the function throws, and refuses asynchronous ones", () => {
    const before = readlinkSync("/proc/thread-self/ns/net");
    const path = make("throws");
    expect(() =>
      inNamespace(path, () => {
        throw new Error("inside");
      }),
    ).toThrow("inside");
    expect(() => inNamespace(path, () => Promise.resolve())).toThrow(TypeError);
    expect(() => inNamespace(join(folder, "missing"), () => 1)).toThrow("ENOENT");
    expect(readlinkSync("/proc/thread-self/ns/net")).toBe(before);
  });
});

describe("applyLinkSteps()", () => {
  it("does what ip does", () => {
    const a = make("a");
    const b = make("b");
    const here: readonly LinkStep[] = [
      { kind: "bridge", name: "lan" },
      { kind: "veth", name: "left", mac: "ee:ee:ee:ee:ee:ee", master: "lan", peer: { name: "eth0", namespace: b } },
      { kind: "address", address: ip("192.168.9.1"), prefix: 24, link: "lan" },
      { kind: "route", to: cidr("10.1.2.3/32"), link: "lan", source: ip("192.168.9.1") },
      { kind: "route", to: cidr("10.9.0.0/16"), via: ip("192.168.9.7"), link: "lan" },
      { kind: "neighbour", address: ip("10.1.2.3"), mac: "0a:58:0a:01:02:03", link: "lan" },
    ];
    inNamespace(a, () => applyLinkSteps(here));
    inNamespace(b, () => applyLinkSteps([{ kind: "link", name: "eth0", state: "up" }]));
    const show = (namespace: string, ...args: readonly string[]) =>
      inNamespace(namespace, () => execFileSync("ip", args, { encoding: "utf8" }));
    expect(show(a, "-br", "link")).toMatch(/left@\S+\s+UP\s+ee:ee:ee:ee:ee:ee/);
    expect(show(a, "link", "show", "left")).toContain("master lan");
    expect(show(b, "-br", "link")).toMatch(/eth0@\S+\s+UP/);
    expect(show(a, "route")).toContain("10.1.2.3 dev lan proto static scope link src 192.168.9.1");
    expect(show(a, "route")).toContain("10.9.0.0/16 via 192.168.9.7 dev lan proto static");
    expect(show(a, "neighbour")).toContain("10.1.2.3 dev lan lladdr 0a:58:0a:01:02:03 PERMANENT");
    inNamespace(a, () => {
      applyLinkSteps(here.slice(2));
      applyLinkSteps([
        { kind: "delete-route", to: cidr("10.9.0.0/16"), link: "lan" },
        { kind: "delete-address", address: ip("192.168.9.1"), prefix: 24, link: "lan" },
        { kind: "delete-link", name: "left" },
      ]);
    });
    expect(show(a, "route")).not.toContain("10.9.0.0");
    expect(show(a, "address")).not.toContain("192.168.9.1");
    expect(show(b, "-br", "link")).not.toContain("eth0");
  });

  it("says the failing step in the words of ip", () => {
    const a = make("errors");
    const route: LinkStep = { kind: "route", to: cidr("10.0.0.0/8"), via: ip("10.9.9.9"), link: "lo" };
    expect(() => inNamespace(a, () => applyLinkSteps([route]))).toThrow(/^ip route replace 10.0.0.0\/8 via 10.9.9.9/);
  });
});

describe("writeSysctls()", () => {
  it("sets what belongs to the namespace and passes over what the kernel lacks", () => {
    const a = make("sysctl");
    inNamespace(a, () => writeSysctls({ "net/ipv4/ip_forward": 1, "net/ipv4/no_such_setting": 1 }));
    expect(inNamespace(a, () => readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim())).toBe("1");
    expect(() => inNamespace(a, () => writeSysctls({ "net/ipv4/ip_forward": "many" }))).toThrow(
      "Kernel setting net.ipv4.ip_forward = many may not be written",
    );
  });
});
