import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cidr } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import { hasGround, removalText } from "./fixed-rules.ts";
import { parseIpset, parseIpvsadm } from "./parse.ts";
import { stateOfStatements } from "./state.ts";

const folder = new URL("testdata/", import.meta.url);
const file = (name: string) => readFileSync(new URL(name, folder), "utf8");

function run(program: string, args: readonly string[], input = ""): string {
  return execFileSync(program, args, { encoding: "utf8", input });
}

const programs = { ipv4: "iptables-legacy", ipv6: "ip6tables-legacy" } as const;
const network = nodeNetwork({
  serviceCidrs: [cidr("10.96.0.0/16"), cidr("fd00:96::/108")],
  localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24")] },
});

beforeAll(() => {
  run("ip", ["link", "add", "kube-ipvs0", "up", "type", "dummy"]);
  for (const family of ["ipv4", "ipv6"]) run("ipset", ["restore"], file(`ground-${family}.ipset`));
});

afterAll(() => {
  for (const program of Object.values(programs)) {
    run(`${program}-restore`, ["--noflush"], removalText(run(`${program}-save`, [])));
  }
  run("ipset", ["destroy"]);
  run("ipvsadm", ["-C"]);
  run("ip", ["link", "delete", "kube-ipvs0"]);
});

describe("the golden rules", () => {
  it("are taken by ipset, and listed as they were written", () => {
    run("ipset", ["restore"], file("everything.ipset"));
    const listed = parseIpset(run("ipset", ["save"])).members.map(
      (member) => ({ kind: "add-member", member }) as const,
    );
    const written = parseIpset(file("everything.ipset")).members.map(
      (member) => ({ kind: "add-member", member }) as const,
    );
    expect(listed.length).toBeGreaterThan(20);
    expect(stateOfStatements(listed).members).toEqual(stateOfStatements(written).members);
  });

  it("are taken by ipvsadm, and listed as they were written", () => {
    run("ipvsadm", ["-R"], file("everything.ipvsadm"));
    const listed = stateOfStatements(parseIpvsadm(run("ipvsadm", ["-S", "-n"])));
    expect(listed.servers.size).toBeGreaterThan(15);
    expect(listed.servers).toEqual(stateOfStatements(parseIpvsadm(file("everything.ipvsadm"))).servers);
  });

  it("are taken by ip", () => {
    run("ip", ["-batch", "-"], file("everything.ip"));
    const routes = run("ip", ["route", "show", "table", "local", "dev", "kube-ipvs0"]);
    expect(routes.match(/^local 10\.96\.0\.20 /gm)).toHaveLength(1);
  });

  it.each(["ipv4", "ipv6"] as const)("are taken by iptables, and listed as they were written: %s", (family) => {
    const program = programs[family];
    run(`${program}-restore`, ["--noflush"], file(`ground-${family}.iptables`));
    const saved = run(`${program}-save`, []);
    expect(hasGround(family === "ipv4" ? "IPv4" : "IPv6", network, saved)).toBe(true);
    expect(hasGround(family === "ipv4" ? "IPv4" : "IPv6", nodeNetwork({ masqueradeAll: true }), saved)).toBe(false);
  });

  it.each(readdirSync(folder).filter((name) => name.startsWith("ground-that-")))("in %s are taken, too", (name) => {
    run("iptables-legacy-restore", ["--noflush"], removalText(run("iptables-legacy-save", [])));
    run("iptables-legacy-restore", ["--noflush"], file(name));
    run("iptables-legacy-restore", ["--noflush"], removalText(run("iptables-legacy-save", [])));
    expect(run("iptables-legacy-save", [])).not.toContain("SEALANE");
  });
});
