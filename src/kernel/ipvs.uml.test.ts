import { execFileSync } from "node:child_process";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { ip } from "../core/index.ts";
import { openIpvs } from "./ipvs.ts";
import type { Ipvs, IpvsServer } from "./ipvs.ts";

let ipvs: Ipvs;

beforeAll(() => {
  ipvs = openIpvs();
  return () => ipvs.close();
});
afterEach(() => void ipvsadm("-C"));

function ipvsadm(...args: readonly string[]): string {
  return execFileSync("ipvsadm", args, { encoding: "utf8" });
}

/** What `ipvsadm -S -n` lists, without spaces at the ends of lines. */
function saved(): readonly string[] {
  return ipvsadm("-S", "-n")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

const web = { protocol: "TCP", ip: ip("10.96.0.1"), port: 80, scheduler: "rr", flags: [] } as const;
const here = { ip: ip("10.244.1.2"), port: 8080, weight: 1 };
const there = { ip: ip("10.244.2.2"), port: 8080, weight: 5 };

describe("setTimeouts()", () => {
  it("sets those that are not 0", () => {
    ipvs.setTimeouts({ tcpSeconds: 800, tcpFinSeconds: 0, udpSeconds: 200 });
    expect(ipvsadm("-L", "--timeout")).toContain("800 120 200");
    ipvs.setTimeouts({ tcpSeconds: 900, tcpFinSeconds: 0, udpSeconds: 300 });
  });
});

describe("change()", () => {
  it.each<[IpvsServer, string]>([
    [web, "-A -t 10.96.0.1:80 -s rr"],
    [{ ...web, protocol: "UDP" }, "-A -u 10.96.0.1:80 -s rr"],
    [{ ...web, protocol: "SCTP" }, "-A --sctp-service 10.96.0.1:80 -s rr"],
    [{ ...web, ip: ip("fd00:96::1") }, "-A -t [fd00:96::1]:80 -s rr"],
    [{ mark: 70_000, family: "IPv4", scheduler: "rr", flags: [] }, "-A -f 70000 -s rr"],
    [
      { mark: 70_000, family: "IPv6", scheduler: "rr", flags: [], persistenceSeconds: 60 },
      "-A -f 70000 -6 -s rr -p 60",
    ],
    [{ ...web, persistenceSeconds: 10_800 }, "-A -t 10.96.0.1:80 -s rr -p 10800"],
    [{ ...web, ip: ip("fd00:96::1"), persistenceSeconds: 60 }, "-A -t [fd00:96::1]:80 -s rr -p 60"],
    [{ ...web, scheduler: "sh", flags: [1] }, "-A -t 10.96.0.1:80 -s sh -b sh-fallback"],
    [{ ...web, scheduler: "mh", flags: [1, 2] }, "-A -t 10.96.0.1:80 -s mh -b mh-fallback,mh-port"],
    ...["wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sed", "nq", "fo", "ovf"].map((scheduler): [IpvsServer, string] => [
      { ...web, scheduler },
      `-A -t 10.96.0.1:80 -s ${scheduler}`,
    ]),
  ])("makes what ipvsadm lists and servers() reads (%#)", (server, line) => {
    ipvs.change([{ kind: "add-server", server }]);
    expect(saved()).toEqual([line]);
    expect(ipvs.servers()).toEqual([server]);
    ipvs.change([{ kind: "delete-server", server }]);
    expect(saved()).toEqual([]);
    expect(ipvs.servers()).toEqual([]);
  });

  it("adds, changes and deletes destinations", () => {
    ipvs.change([
      { kind: "add-server", server: web },
      { kind: "add-destination", server: web, destination: here },
      { kind: "add-destination", server: web, destination: there },
      { kind: "edit-destination", server: web, destination: { ...here, weight: 0 } },
      { kind: "edit-server", server: { ...web, scheduler: "wrr" } },
    ]);
    expect(saved()).toEqual([
      "-A -t 10.96.0.1:80 -s wrr",
      "-a -t 10.96.0.1:80 -r 10.244.1.2:8080 -m -w 0",
      "-a -t 10.96.0.1:80 -r 10.244.2.2:8080 -m -w 5",
    ]);
    const idle = { active: 0, inactive: 0 };
    expect(ipvs.destinations(web).toSorted((a, b) => a.weight - b.weight)).toEqual([
      { ...here, weight: 0, ...idle },
      { ...there, ...idle },
    ]);
    ipvs.change([{ kind: "delete-destination", server: web, destination: here }]);
    expect(ipvs.destinations(web)).toEqual([{ ...there, ...idle }]);
  });

  it("may be told the same twice", () => {
    const additions = [
      { kind: "add-server", server: web } as const,
      { kind: "add-destination", server: web, destination: here } as const,
    ];
    ipvs.change(additions);
    ipvs.change([
      { kind: "add-server", server: { ...web, scheduler: "lc" } },
      { kind: "add-destination", server: web, destination: { ...here, weight: 3 } },
    ]);
    expect(saved()).toEqual(["-A -t 10.96.0.1:80 -s lc", "-a -t 10.96.0.1:80 -r 10.244.1.2:8080 -m -w 3"]);
    const deletions = [
      { kind: "delete-destination", server: web, destination: here } as const,
      { kind: "delete-server", server: web } as const,
    ];
    ipvs.change(deletions);
    ipvs.change(deletions);
    // A destination that is to go has no weight first: the change that deleted it may have ended half-way.
    ipvs.change([{ kind: "edit-destination", server: web, destination: { ...here, weight: 0 } }]);
    expect(saved()).toEqual([]);
  });

  it("names what the kernel refuses, in ipvsadm's words", () => {
    const change = (kind: "add-destination" | "edit-destination", address: string) => () =>
      ipvs.change([{ kind, server: web, destination: { ...here, ip: ip(address) } }]);
    expect(change("add-destination", "10.244.1.2")).toThrow(
      "ipvsadm -a -t 10.96.0.1:80 -r 10.244.1.2:8080 -m -w 1: it does not exist (ENOENT)",
    );
    ipvs.change([{ kind: "add-server", server: web }]);
    expect(change("edit-destination", "10.244.1.2")).toThrow("-e -t 10.96.0.1:80 -r 10.244.1.2:8080");
    expect(change("add-destination", "224.0.0.1")).toThrow("(EINVAL)");
    expect(() => ipvs.change([{ kind: "edit-server", server: { ...web, scheduler: "nope" } }])).toThrow(
      "This kernel has no IPVS scheduler nope: load it with `modprobe ip_vs_nope`",
    );
  });

  it("loads a thousand servers with two destinations each, and reads them back", () => {
    const servers = Array.from({ length: 1000 }, (_, i) => ({ ...web, ip: ip(`10.97.${i >> 8}.${i & 255}`) }));
    ipvs.change(
      servers.flatMap((server) => [
        { kind: "add-server", server } as const,
        { kind: "add-destination", server, destination: here } as const,
        { kind: "add-destination", server, destination: there } as const,
      ]),
    );
    expect(ipvs.servers()).toHaveLength(1000);
    expect(servers.every((server) => ipvs.destinations(server).length === 2)).toBe(true);
  });
});
