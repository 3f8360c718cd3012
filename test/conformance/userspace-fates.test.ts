import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cidr, ip } from "../../src/core/index.ts";
import { inNamespace } from "../../src/kernel/index.ts";
import { planWith } from "../support/service-plans.ts";
import { addressOf, endpointOf, RelayNetwork } from "./relay-network.ts";
import type { Place } from "./relay-network.ts";

const network = new RelayNetwork();
const callers = ["client", "node", "p1"] as const;
const everyone = ["p1", "p2", "p3"] as const;

beforeAll(() => {
  for (const pod of everyone) {
    network.listen(pod, (socket) => socket.end(`${pod} saw ${socket.remoteAddress?.replace("::ffff:", "") ?? ""}`));
  }
});
afterAll(() => network.stop());

/** The pods that answer a number of requests. */
async function answering(from: Place, address: string, port: number, times = 6): Promise<readonly string[]> {
  const answers = await Promise.all(Array.from({ length: times }, () => network.ask(from, address, port)));
  return [...new Set(answers.map((answer) => answer.split(" ")[0] ?? ""))].sort();
}

describe.each([
  { family: "IPv4", service: "10.96.0.20", loopback: "127.0.0.1" },
  { family: "IPv6", service: "fd00:96::20", loopback: "::1" },
] as const)("the userspace engine in $family", ({ family, service, loopback }) => {
  const node = addressOf("node", family);
  const endpoints = everyone.map((pod) => endpointOf(pod, family));

  it.each(callers)("takes %s to every endpoint, by cluster IP and node port, seen as the node", async (from) => {
    await network.serve(planWith({ family, clusterIP: service, nodePort: 30080, cluster: endpoints }));
    expect(await answering(from, service, 80)).toEqual(everyone);
    expect(await answering(from, node, 30080)).toEqual(everyone);
    expect(await network.ask(from, service, 80)).toMatch(new RegExp(`^p. saw ${node}$`));
  });

  it("serves node ports at loopback", async () => {
    expect(await answering("node", loopback, 30080)).toEqual(everyone);
  });

  it("lets an endpoint reach itself through its Service", async () => {
    await network.serve(planWith({ family, clusterIP: service, cluster: [endpointOf("p1", family)] }));
    expect(await answering("p1", service, 80, 1)).toEqual(["p1"]);
  });

  it.each(callers)("refuses %s what has no endpoints, other ports, and the listener itself", async (from) => {
    const clusterIP = family === "IPv4" ? "10.96.0.21" : "fd00:96::21";
    await network.serve(planWith({ service: "tour/empty", family, clusterIP, nodePort: 30081 }));
    expect(await network.ask(from, clusterIP, 80)).toBe("ECONNREFUSED");
    expect(await network.ask(from, node, 30081)).toBe("ECONNREFUSED");
    expect(await network.ask(from, clusterIP, 81)).toBe("ECONNREFUSED");
    for (const port of listenersAt(family)) expect(await network.ask(from, node, port)).toBe("ECONNREFUSED");
  });

  it("drops addresses of the Service range that nobody has", async () => {
    const unknown = family === "IPv4" ? "10.96.7.7" : "fd00:96::707";
    expect(await network.ask("p1", unknown, 80, 200)).toBe("silence");
  });

  it("keeps to the endpoints of the node with internal policy Local, and drops without any", async () => {
    const clusterIP = family === "IPv4" ? "10.96.0.22" : "fd00:96::22";
    const local = { service: "tour/local", family, clusterIP, internalTrafficPolicy: "Local" } as const;
    await network.serve(planWith({ ...local, local: endpoints.slice(0, 2) }));
    expect(await answering("node", clusterIP, 80)).toEqual(["p1", "p2"]);
    await network.serve(planWith({ ...local, whenInternalEmpty: "drop" }));
    expect(await network.ask("node", clusterIP, 80, 200)).toBe("silence");
  });

  it("keeps outside clients to the node's endpoints with external policy Local, but not the node's own", async () => {
    const clusterIP = family === "IPv4" ? "10.96.0.23" : "fd00:96::23";
    const plan = { service: "tour/ext", family, clusterIP, nodePort: 30082, externalTrafficPolicy: "Local" } as const;
    await network.serve(planWith({ ...plan, cluster: endpoints, local: endpoints.slice(1, 2) }));
    expect(await answering("client", node, 30082)).toEqual(["p2"]);
    expect(await answering("node", node, 30082)).toEqual(everyone);
    expect(await answering("p1", node, 30082)).toEqual(everyone);
    expect(await answering("client", clusterIP, 80)).toEqual(everyone);

    await network.serve(planWith({ ...plan, cluster: endpoints, whenExternalEmpty: "drop" }));
    expect(await network.ask("client", node, 30082, 200)).toBe("silence");
    expect(await answering("p1", node, 30082)).toEqual(everyone);

    await network.serve(planWith({ ...plan }));
    expect(await network.ask("client", node, 30082)).toBe("ECONNREFUSED");
  });

  it("lets only the source ranges use a load balancer's address", async () => {
    const vip = family === "IPv4" ? "192.168.100.200" : "fd00:100::200";
    const clusterIP = family === "IPv4" ? "10.96.0.24" : "fd00:96::24";
    const allowed = cidr(family === "IPv4" ? "192.168.100.0/24" : "fd00:100::/64");
    const external = family === "IPv4" ? "203.0.113.5" : "2001:db8::5";
    const plan = planWith({
      service: "tour/lb",
      family,
      clusterIP,
      loadBalancerIPs: [vip],
      externalIPs: [external],
      cluster: endpoints,
      sourceRanges: [allowed],
    });
    await network.serve(plan);
    expect(await answering("client", vip, 80)).toEqual(everyone);
    expect(await network.ask("p1", vip, 80, 200)).toBe("silence");
    expect(await answering("p1", external, 80)).toEqual(everyone);
  });

  it("gives an address that two Services have to the first one, and then to the other", async () => {
    const external = family === "IPv4" ? "203.0.113.6" : "2001:db8::6";
    const clusterIPs = family === "IPv4" ? ["10.96.0.25", "10.96.0.26"] : ["fd00:96::25", "fd00:96::26"];
    const plan = (name: string, index: number) =>
      planWith({
        service: `tour/${name}`,
        family,
        clusterIP: clusterIPs[index] ?? "",
        externalIPs: [external],
        cluster: endpoints.slice(index, index + 1),
      });
    await network.serve(plan("first", 0));
    await network.serve(plan("second", 1));
    expect(await answering("client", external, 80)).toEqual(["p1"]);
    await network.remove("tour/first");
    expect(await answering("client", external, 80)).toEqual(["p2"]);
    await network.remove("tour/second");
    expect(await network.ask("client", clusterIPs[1] ?? "", 80, 100)).toBe("silence");
  });

  it("does not run round an endpoint that leads back to its own Service", async () => {
    const clusterIP = family === "IPv4" ? "10.96.0.27" : "fd00:96::27";
    const self = { ...endpointOf("p1", family), ip: ip(node), port: 30083 };
    await network.serve(planWith({ service: "tour/loop", family, clusterIP, nodePort: 30083, cluster: [self] }));
    expect(await network.ask("client", node, 30083)).toBe("ECONNRESET");
    expect(
      [...network.engine.counters()].filter(({ service: name, active }) => name === "tour/loop" && active > 0),
    ).toEqual([]);
    await network.remove("tour/loop");
  });
});

/** The ports to which the rules redirect. */
function listenersAt(family: "IPv4" | "IPv6"): readonly number[] {
  const protocol = family === "IPv4" ? "ip" : "ip6";
  const text = inNamespace(network.path("node"), () =>
    execFileSync("nft", ["list", "table", protocol, "sealane-userspace"], { encoding: "utf8" }),
  );
  return [...text.matchAll(/tcp dnat to \S+:(\d+)$/gm)].map(([, port]) => Number(port));
}
