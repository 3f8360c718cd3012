import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openIpset } from "./ipset.ts";
import type { IpsetElement } from "./ipset-messages.ts";
import type { Ipset, IpsetChange } from "./ipset.ts";

let sets: Ipset;

function ipset(...args: readonly string[]): string {
  return execFileSync("ipset", args, { encoding: "utf8", maxBuffer: 64 << 20 });
}

/** The elements that `ipset save` lists, with their options. */
function elements(set: string): readonly string[] {
  return ipset("save", set)
    .split("\n")
    .filter((line) => line.startsWith("add "))
    .map((line) => line.replace(`add ${set} `, ""))
    .toSorted();
}

const types = [
  ["ports", "hash:ip,port", "inet"],
  ["ports6", "hash:ip,port", "inet6"],
  ["addresses", "hash:ip", "inet"],
  ["nets", "hash:net", "inet"],
  ["nets6", "hash:net", "inet6"],
  ["sources", "hash:ip,port,net", "inet"],
  ["sources6", "hash:ip,port,net", "inet6"],
  ["loops", "hash:ip,port,ip", "inet"],
] as const;

beforeAll(() => {
  sets = openIpset();
  sets.create(
    types.map(([name, type, inet]) => ({ name, type, family: inet === "inet" ? "IPv4" : "IPv6", marks: false })),
  );
  sets.create([{ name: "marks", type: "hash:ip,port", family: "IPv4", marks: true }]);
  ipset("create", "small", "hash:ip", "maxelem", "2");
});

afterAll(() => {
  sets.close();
  ipset("destroy");
});

describe("create() and destroy()", () => {
  it("make what ipset would make, and leave what is there", () => {
    ipset("create", "as-ipset", "hash:ip,port", "family", "inet6", "maxelem", "1048576", "skbinfo", "comment");
    const headerOf = (name: string) => ipset("list", "-terse", name).replaceAll(/^Name: .*\n| initval \S+/gm, "");
    const definition = { name: "as-sealane", type: "hash:ip,port", family: "IPv6", marks: true } as const;
    sets.create([definition]);
    expect(headerOf("as-sealane")).toBe(headerOf("as-ipset"));
    sets.change([{ kind: "add", set: "as-sealane", element: "fd00::1,tcp:80" }]);
    sets.create([definition]);
    const rule = (action: "-A" | "-D") =>
      execFileSync("ip6tables-legacy", `${action} OUTPUT -m set --match-set as-ipset dst,dst -j DROP`.split(" "));
    rule("-A");
    expect(sets.headers().filter(({ name }) => name.startsWith("as-"))).toEqual([
      { name: "as-ipset", elements: 0, references: 1 },
      { name: "as-sealane", elements: 1, references: 0 },
    ]);
    rule("-D");
    expect(() => sets.create([{ ...definition, marks: false }])).toThrow(
      expect.objectContaining({ code: "EEXIST", message: expect.stringContaining("another set of this name") }),
    );
    sets.destroy(["as-sealane", "none", "as-ipset"]);
    expect(sets.headers().filter(({ name }) => name.startsWith("as-"))).toEqual([]);
    expect(() => sets.create([{ ...definition, type: "hash:names" }])).toThrow("no such type of sets");
  });
});

describe("elements()", () => {
  it("lists what `ipset save` lists, also of a set that takes many messages", () => {
    const services = Array.from({ length: 30_000 }, (_, i) => ({
      kind: "add" as const,
      set: "ports",
      element: `10.${96 + (i >> 16)}.${(i >> 8) & 255}.${i & 255},${i % 3 === 0 ? "udp" : "tcp"}:${1 + (i % 65_535)}`,
      comment: `namespace-${i % 7}/service-${i}:http`,
    }));
    sets.change(services);
    const text = ({ element, comment = "" }: IpsetElement) => `${element} comment "${comment}"`;
    expect(sets.elements("ports").map(text).toSorted()).toEqual(elements("ports"));
    expect(sets.headers().find(({ name }) => name === "ports")).toEqual({
      name: "ports",
      elements: 30_000,
      references: 0,
    });
    ipset("flush", "ports");
    expect(sets.elements("ports")).toEqual([]);
    expect(sets.elements("none")).toEqual([]);
  });
});

describe("change()", () => {
  it.each<[string, string]>([
    ["ports", "10.96.0.1,tcp:80"],
    ["ports", "10.96.0.1,udp:53"],
    ["ports", "10.96.0.1,sctp:65535"],
    ["ports6", "fd00:96::1,tcp:443"],
    ["addresses", "10.96.0.1"],
    ["nets", "10.96.0.0/12"],
    ["nets", "10.1.2.3"],
    ["nets6", "fd00:96::/108"],
    ["sources", "10.96.0.1,tcp:80,192.0.2.0/24"],
    ["sources", "10.96.0.1,tcp:80,192.0.2.7"],
    ["sources6", "fd00:96::1,tcp:80,2001:db8::/32"],
    ["loops", "10.96.0.1,tcp:80,10.244.1.2"],
  ])("makes and takes what ipset lists: %s %s", (set, element) => {
    const comment = "tour/web:http";
    sets.change([{ kind: "add", set, element, comment }]);
    expect(elements(set)).toEqual([`${element} comment "${comment}"`]);
    expect(sets.elements(set)).toEqual([{ element, comment }]);
    // Told again, nothing changes.
    sets.change([{ kind: "add", set, element, comment }]);
    sets.change([{ kind: "delete", set, element }]);
    expect(elements(set)).toEqual([]);
    sets.change([{ kind: "delete", set, element }]);
  });

  it("replaces an element's mark and comment", () => {
    const change = { kind: "add", set: "marks", element: "10.96.0.1,tcp:80" } as const;
    sets.change([{ ...change, mark: 0x4001, comment: "tour/web" }]);
    expect(elements("marks")).toEqual(['10.96.0.1,tcp:80 comment "tour/web" skbmark 0x4001']);
    sets.change([{ ...change, mark: 0xfedc_ba98, comment: "tour/shop" }]);
    expect(elements("marks")).toEqual(['10.96.0.1,tcp:80 comment "tour/shop" skbmark 0xfedcba98']);
    expect(sets.elements("marks")).toEqual([{ element: change.element, mark: 0xfedc_ba98, comment: "tour/shop" }]);
  });

  it("makes ten thousand changes, in their order", () => {
    const all = Array.from({ length: 10_000 }, (_, i) => `10.97.${i >> 8}.${i & 255},tcp:80`);
    const change = (kind: IpsetChange["kind"]) => (element: string) => ({ kind, set: "ports", element });
    sets.change([...all.map(change("add")), ...all.slice(1).map(change("delete"))]);
    expect(elements("ports")).toEqual(["10.97.0.0,tcp:80"]);
  });

  it.each<[IpsetChange, string, string]>([
    [{ kind: "add", set: "none", element: "10.0.0.1" }, "ENOENT", "ipset add none 10.0.0.1: there is no such set"],
    [{ kind: "delete", set: "none", element: "10.0.0.1" }, "ENOENT", "ipset del none 10.0.0.1: there is no such set"],
    [{ kind: "add", set: "addresses", element: "fd00::1" }, "IpsetRefused", "the set takes no address of this family"],
    [{ kind: "add", set: "nets", element: "0.0.0.0/0" }, "IpsetRefused", "a network of this size cannot be in a set"],
    [{ kind: "add", set: "ports", element: "10.0.0.1,tcp:80", mark: 1 }, "IpsetRefused", "the set has no marks"],
    [{ kind: "add", set: "ports", element: "web" }, "IpsetRefused", "ipset add ports web: web is no address"],
  ])("names what the kernel refuses: %j", (change, code, text) => {
    let problem: unknown;
    try {
      sets.change([change]);
    } catch (error) {
      problem = error;
    }
    expect(problem).toMatchObject({ code, message: expect.stringContaining(text) });
  });

  it("says which change of many is refused, and goes on to work", () => {
    const add = (i: number): IpsetChange => ({ kind: "add", set: "small", element: `10.0.0.${i}` });
    expect(() => sets.change([add(1), add(2), add(3), add(4)])).toThrow("ipset add small 10.0.0.3: the set is full");
    sets.change([{ kind: "delete", set: "small", element: "10.0.0.1" }, add(5)]);
    expect(elements("small")).toEqual(["10.0.0.2", "10.0.0.5"]);
  });
});
