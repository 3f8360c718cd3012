import { describe, expect, it } from "vitest";
import { cidr, ip } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import type { Endpoint, Scheduler, ServicePlan } from "../../model/index.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import { IpvsBook } from "./ipvs-book.ts";
import { Marks } from "./marks.ts";
import { render } from "./render.ts";
import { shortcomings } from "./shortcomings.ts";

const here = endpointAt("10.244.1.2", "node-1");
const there = endpointAt("10.244.2.2", "node-2");
const heavy: Endpoint = { ...there, weight: 5 };

/** The lines that lead from the first plans to the second, in their order. */
function steps(
  before: readonly ServicePlan[],
  after: readonly ServicePlan[],
  book = new IpvsBook(),
): readonly string[] {
  book.setNodeAddresses([ip("192.168.100.11")]);
  const write = (plans: readonly ServicePlan[]): readonly string[] => {
    book.want("tour/web", plans);
    const change = book.changes(["tour/web"]);
    const { script } = change;
    change.commit();
    return script.kind === "changes" ? script.statements.map(render) : [];
  };
  write(before);
  return write(after);
}

const web = planWith({ cluster: [here, there] });

describe("a change", () => {
  it.each<[string, readonly ServicePlan[], readonly ServicePlan[], readonly string[]]>([
    ["of nothing", [web], [web], []],
    [
      "of an endpoint adds before it takes away",
      [planWith({ cluster: [here] })],
      [planWith({ cluster: [there] })],
      ["-a -t 10.96.0.20:80 -r 10.244.2.2:8080 -m -w 1", "-d -t 10.96.0.20:80 -r 10.244.1.2:8080"],
    ],
    [
      "of weights",
      [planWith({ cluster: [here, there], scheduler: "wrr" })],
      [planWith({ cluster: [here, heavy], scheduler: "wrr" })],
      ["-e -t 10.96.0.20:80 -r 10.244.2.2:8080 -m -w 5"],
    ],
    [
      "to uneven weights that no scheduler was chosen for",
      [web],
      [planWith({ cluster: [here, heavy] })],
      ["-E -t 10.96.0.20:80 -s wrr", "-e -t 10.96.0.20:80 -r 10.244.2.2:8080 -m -w 5"],
    ],
    [
      "to no endpoints refuses first, and lets the last connections end",
      [planWith({ cluster: [here] })],
      [planWith({})],
      ["add SEALANE-REFUSED 10.96.0.20,tcp:80 -exist", "-d -t 10.96.0.20:80 -r 10.244.1.2:8080", "-D -t 10.96.0.20:80"],
    ],
    [
      "from no endpoints serves before it stops to refuse",
      [planWith({})],
      [planWith({ cluster: [here] })],
      [
        "-A -t 10.96.0.20:80 -s rr",
        "-a -t 10.96.0.20:80 -r 10.244.1.2:8080 -m -w 1",
        "del SEALANE-REFUSED 10.96.0.20,tcp:80 -exist",
      ],
    ],
    [
      "that brings a Service opens its address last",
      [],
      [planWith({ cluster: [here], onNode: [here] })],
      [
        "add SEALANE-CLUSTER-IPS 10.96.0.20,tcp:80 -exist",
        "add SEALANE-LOOPBACK 10.244.1.2,tcp:8080,10.244.1.2 -exist",
        "-A -t 10.96.0.20:80 -s rr",
        "-a -t 10.96.0.20:80 -r 10.244.1.2:8080 -m -w 1",
        'add SEALANE-SERVICES 10.96.0.20,tcp:80 comment "tour/web:http" -exist',
        "add SEALANE-VIPS 10.96.0.20 -exist",
        "route replace local 10.96.0.20 dev kube-ipvs0 table local",
      ],
    ],
    [
      "that takes a Service away closes its address first",
      [planWith({ cluster: [here] })],
      [],
      [
        "route delete local 10.96.0.20 dev kube-ipvs0 table local",
        "del SEALANE-VIPS 10.96.0.20 -exist",
        "del SEALANE-SERVICES 10.96.0.20,tcp:80 -exist",
        "-D -t 10.96.0.20:80",
        "del SEALANE-CLUSTER-IPS 10.96.0.20,tcp:80 -exist",
      ],
    ],
    [
      "to source ranges knows them before it guards",
      [planWith({ cluster: [here], loadBalancerIPs: ["192.168.100.200"] })],
      [planWith({ cluster: [here], loadBalancerIPs: ["192.168.100.200"], sourceRanges: [cidr("10.0.0.1/32")] })],
      [
        "add SEALANE-SOURCES 192.168.100.200,tcp:80,10.0.0.1 -exist",
        "add SEALANE-GUARDED 192.168.100.200,tcp:80 -exist",
      ],
    ],
  ])("%s", (_, before, after, expected) => expect(steps(before, after)).toEqual(expected));

  it("of one of two Services with one address leaves the other's", () => {
    const book = new IpvsBook();
    const plan = (service: string, endpoint: Endpoint) =>
      planWith({
        service,
        clusterIP: service === "tour/a" ? "10.96.0.1" : "10.96.0.2",
        externalIPs: ["203.0.113.5"],
        cluster: [endpoint],
      });
    book.want("tour/a", [plan("tour/a", here)]);
    book.want("tour/b", [plan("tour/b", there)]);
    book.changes(["tour/a", "tour/b"]).commit();
    book.want("tour/a", []);
    const { script } = book.changes(["tour/a"]);
    const lines = script.kind === "changes" ? script.statements.map(render) : [];
    expect(lines).toContain("-a -t 203.0.113.5:80 -r 10.244.2.2:8080 -m -w 1");
    expect(lines).toContain("-d -t 203.0.113.5:80 -r 10.244.1.2:8080");
    expect(lines).not.toContain("route delete local 203.0.113.5 dev kube-ipvs0 table local");
  });
});

describe("the scheduler", () => {
  it.each<[Scheduler | undefined, "rr" | "lc" | "sh" | "mh", readonly Endpoint[], string]>([
    [undefined, "rr", [here, there], "rr"],
    [undefined, "rr", [here, heavy], "wrr"],
    [undefined, "lc", [here, heavy], "wlc"],
    [undefined, "sh", [here, heavy], "sh -b sh-fallback"],
    // The node's default as kube-proxy's; a Service that asks for Maglev wants its clients to stay.
    [undefined, "mh", [here, there], "mh -b mh-fallback,mh-port"],
    ["mh", "rr", [here, there], "mh -b mh-fallback"],
    ["rr", "lc", [here, heavy], "rr"],
    ["random", "rr", [here, there], "rr"],
    ["nq", "rr", [here, there], "nq"],
    ["ovf", "rr", [here, there], "ovf"],
  ])("%s, with the default %s", (scheduler, byDefault, cluster, expected) => {
    const plan = planWith({ cluster, ...(scheduler === undefined ? {} : { scheduler }) });
    expect(steps([], [plan], new IpvsBook({ scheduler: byDefault }))).toContain(`-A -t 10.96.0.20:80 -s ${expected}`);
  });
});

describe("addresses of the node", () => {
  it("carry node ports, and are never bound to the dummy device", () => {
    const plan = planWith({ cluster: [here], nodePort: 30080, externalIPs: ["192.168.100.11"] });
    const lines = steps([], [plan]);
    expect(lines).toContain("-A -t 192.168.100.11:30080 -s rr");
    expect(lines).toContain("-A -t 192.168.100.11:80 -s rr");
    expect(lines.filter((line) => line.includes("VIPS") || line.startsWith("route "))).toEqual([
      "add SEALANE-VIPS 10.96.0.20 -exist",
      "route replace local 10.96.0.20 dev kube-ipvs0 table local",
    ]);
  });

  it("carry them only in the networks for node ports", () => {
    const network = nodeNetwork({ nodePortAddresses: [cidr("10.0.0.0/8")] });
    const lines = steps([], [planWith({ cluster: [here], nodePort: 30080 })], new IpvsBook({ network }));
    expect(lines.filter((line) => line.includes("30080"))).toEqual([]);
  });

  it("carry them on all addresses of a family that the networks say nothing of", () => {
    const network = nodeNetwork({ nodePortAddresses: [cidr("fd00:100::/64")] });
    const lines = steps([], [planWith({ cluster: [here], nodePort: 30080 })], new IpvsBook({ network }));
    expect(lines).toContain("-A -t 192.168.100.11:30080 -s rr");
  });
});

describe("shortcomings()", () => {
  it("names what IPVS cannot do", () => {
    const texts = shortcomings(planWith({ scheduler: "random", affinitySeconds: 60, nodePort: 30080 }), "rr");
    expect(texts.map((text) => text.split(":")[0])).toEqual([
      "IPVS has no scheduler random",
      "IPVS keeps session affinity for each address of a Service by itself",
    ]);
    expect(shortcomings(web, "rr")).toEqual([]);
  });

  it("has nothing to say about a node port that nobody asked for on 127.0.0.1", () => {
    expect(shortcomings(planWith({ nodePort: 30080 }), "rr")).toEqual([]);
  });
});

describe("Marks", () => {
  it("are the same in every process, differ, and lack the bit that is taken", () => {
    const [one, other] = [new Marks(), new Marks()];
    const ids = Array.from({ length: 20_000 }, (_, i) => `10.96.${i >> 8}.${i & 255},tcp:80`);
    const marks = ids.map((id) => one.of(id, 14));
    expect(ids.slice(0, 50).map((id) => other.of(id, 14))).toEqual(marks.slice(0, 50));
    expect(new Set(marks).size).toBe(ids.length);
    expect(marks.every((mark) => mark > 0 && (mark & (1 << 14)) === 0)).toBe(true);
    expect(ids.every((id) => (one.of(id, 20) & (1 << 20)) === 0)).toBe(true);
  });
});
