import { describe, expect, it } from "vitest";
import { ip, ManualClock, seededRandom } from "../../core/index.ts";
import type { ServicePlan } from "../../model/index.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import type { Arrival } from "./relay-port.ts";
import { RelayRouter } from "./relay-router.ts";

const [one, two, three] = [1, 2, 3].map((number) => endpointAt(`10.244.1.${number}`, "node")) as [
  ReturnType<typeof endpointAt>,
  ReturnType<typeof endpointAt>,
  ReturnType<typeof endpointAt>,
];

function routerWith(...plans: readonly ServicePlan[]): { readonly router: RelayRouter; readonly clock: ManualClock } {
  const clock = new ManualClock();
  const router = new RelayRouter({ clock, random: seededRandom(1), drainMs: 5000 });
  for (const plan of plans) router.set(plan.service, [plan]);
  return { router, clock };
}

function arrival(more: Partial<Arrival> = {}): Arrival {
  const base = {
    protocol: "TCP",
    list: "cluster",
    client: ip("10.9.0.1"),
    destination: ip("10.96.0.20"),
    port: 80,
  } as const;
  return { ...base, ...more };
}

function addressesOf(...sessions: readonly ReturnType<RelayRouter["accept"]>[]): readonly (string | undefined)[] {
  return sessions.map((session) => session?.next()?.ip);
}

describe("RelayRouter", () => {
  it("finds a Service by each of its addresses, its protocol and the list", () => {
    const plan = planWith({
      nodePort: 30080,
      loadBalancerIPs: ["192.168.100.200"],
      externalIPs: ["203.0.113.5"],
      cluster: [one],
      local: [two],
    });
    const { router } = routerWith(plan);
    for (const [destination, port] of [
      ["10.96.0.20", 80],
      ["192.168.100.200", 80],
      ["203.0.113.5", 80],
      ["192.168.1.1", 30080],
    ] as const) {
      expect(addressesOf(router.accept(arrival({ destination: ip(destination), port })))).toEqual([one.ip]);
      expect(addressesOf(router.accept(arrival({ destination: ip(destination), port, list: "local" })))).toEqual([
        two.ip,
      ]);
    }
    expect(router.accept(arrival({ port: 81 }))).toBeUndefined();
    expect(router.accept(arrival({ protocol: "UDP" }))).toBeUndefined();
    expect(router.accept(arrival({ destination: ip("fd00::1"), port: 30080 }))).toBeUndefined();
    router.set("tour/web", []);
    expect(router.accept(arrival())).toBeUndefined();
  });

  it("gives an address of two Services to the first, then to the next", () => {
    const shared = { externalIPs: ["203.0.113.5"] };
    const { router } = routerWith(
      planWith({ ...shared, cluster: [one] }),
      planWith({ ...shared, service: "tour/other", clusterIP: "10.96.0.21", cluster: [two] }),
    );
    const destination = ip("203.0.113.5");
    expect(addressesOf(router.accept(arrival({ destination })))).toEqual([one.ip]);
    router.set("tour/web", []);
    expect(addressesOf(router.accept(arrival({ destination })))).toEqual([two.ip]);
  });
});

describe("a session", () => {
  it("tries each endpoint once, the refusing ones never again, and gives up after four", () => {
    const { router } = routerWith(planWith({ cluster: [one, two, three] }));
    const session = router.accept(arrival());
    expect(session?.next()).toEqual({ ip: one.ip, port: 8080, timeoutMs: 250 });
    session?.failed("timeout");
    expect(session?.next()).toEqual({ ip: two.ip, port: 8080, timeoutMs: 500 });
    session?.failed("refused");
    expect(session?.next()).toEqual({ ip: three.ip, port: 8080, timeoutMs: 1000 });
    session?.failed("refused");
    expect(session?.next()).toEqual({ ip: one.ip, port: 8080, timeoutMs: 2000 });
    session?.failed("timeout");
    expect(session?.next()).toBeUndefined();
    session?.ended();
    expect([...router.counters()].map(({ active, failedDials }) => [active, failedDials])).toEqual([
      [0, 2],
      [0, 1],
      [0, 1],
    ]);
  });

  it("asks an endpoint that failed a moment ago last, and then again as ever", () => {
    const { router, clock } = routerWith(planWith({ cluster: [one, two] }));
    const first = router.accept(arrival());
    first?.next();
    first?.failed("refused");
    const later = () => addressesOf(router.accept(arrival()), router.accept(arrival()));
    expect(later()).toEqual([two.ip, two.ip]);
    clock.advance(1000);
    expect(later()).toEqual([one.ip, two.ip]);
  });

  it("counts what it carries", () => {
    const { router } = routerWith(planWith({ cluster: [one] }));
    const session = router.accept(arrival());
    session?.next();
    session?.connected();
    session?.toEndpoint(3);
    session?.toEndpoint(4);
    session?.toClient(5);
    const counters = { service: "tour/web", portName: "http", family: "IPv4", protocol: "TCP", failedDials: 0 };
    const numbers = { ...counters, endpoint: "10.244.1.1:8080", connections: 1, bytesToEndpoint: 7, bytesToClients: 5 };
    expect([...router.counters()]).toEqual([{ ...numbers, active: 1 }]);
    session?.ended();
    expect([...router.counters()]).toEqual([{ ...numbers, active: 0 }]);
  });
});

describe("session affinity", () => {
  const plan = planWith({ nodePort: 30080, affinitySeconds: 60, cluster: [one, two, three] });
  const clients = Array.from({ length: 30 }, (_, index) => ip(`10.9.0.${index}`));
  const homes = (router: RelayRouter) => clients.map((client) => addressesOf(router.accept(arrival({ client })))[0]);

  it("holds over all addresses of the port, also in another life of the agent", () => {
    const { router } = routerWith(plan);
    const first = homes(router);
    expect(new Set(first).size).toBe(3);
    const nodePort = { destination: ip("192.168.1.1"), port: 30080 };
    const again = clients.map((client) => addressesOf(router.accept(arrival({ client, ...nodePort })))[0]);
    expect(again).toEqual(first);
    expect(homes(routerWith(plan).router)).toEqual(first);
  });

  it("holds while others come and go, until the endpoint goes", () => {
    const { router } = routerWith(plan);
    const first = homes(router);
    router.set("tour/web", [{ ...plan, cluster: [one, two, three, endpointAt("10.244.1.4", "node")] }]);
    expect(homes(router)).toEqual(first);
    router.set("tour/web", [{ ...plan, cluster: [one, two] }]);
    const second = homes(router);
    for (const [index, home] of first.entries()) if (home !== three.ip) expect(second[index]).toBe(home);
    expect(second).not.toContain(three.ip);
  });

  it("ends after the timeout, and with an endpoint that fails", () => {
    const { router, clock } = routerWith({ ...plan, scheduler: "rr" });
    const ask = () => addressesOf(router.accept(arrival()))[0];
    expect([ask(), ask()]).toEqual([one.ip, one.ip]);
    clock.advance(60_000);
    expect([ask(), ask()]).toEqual([two.ip, two.ip]);
    const failing = router.accept(arrival());
    expect(failing?.next()?.ip).toBe(two.ip);
    failing?.failed("refused");
    expect(failing?.next()?.ip).toBe(three.ip);
    expect(ask()).toBe(three.ip);
  });
});

describe("an endpoint that goes", () => {
  const open = (router: RelayRouter, protocol: "TCP" | "UDP") => {
    const breaks: string[] = [];
    const session = router.accept(arrival({ protocol }));
    session?.onBreak(() => breaks.push("broken"));
    session?.next();
    session?.connected();
    return { session, breaks };
  };

  it("keeps TCP connections until the deadline, if there is one", () => {
    const plan = planWith({ cluster: [one], serving: [one] });
    const { router, clock } = routerWith(plan);
    const { session, breaks } = open(router, "TCP");
    router.set("tour/web", [{ ...plan, cluster: [two], serving: [two] }]);
    clock.advance(4999);
    expect(breaks).toEqual([]);
    clock.advance(1);
    expect(breaks).toEqual(["broken"]);
    session?.ended();
    expect([...router.counters()].map(({ endpoint }) => endpoint)).toEqual(["10.244.1.2:8080"]);
  });

  it("keeps its connections when it comes back before", () => {
    const plan = planWith({ cluster: [one], serving: [one] });
    const { router, clock } = routerWith(plan);
    const { breaks } = open(router, "TCP");
    router.set("tour/web", [{ ...plan, cluster: [], serving: [] }]);
    clock.advance(1000);
    router.set("tour/web", [plan]);
    clock.advance(10_000);
    expect(breaks).toEqual([]);
  });

  it("loses its UDP flows at once, but not while it still serves", () => {
    const plan = planWith({ protocol: "UDP", cluster: [one, two], serving: [one, two] });
    const { router } = routerWith(plan);
    const { breaks } = open(router, "UDP");
    router.set("tour/web", [{ ...plan, cluster: [two], serving: [one, two] }]);
    expect(breaks).toEqual([]);
    router.set("tour/web", [{ ...plan, cluster: [two], serving: [two] }]);
    expect(breaks).toEqual(["broken"]);
  });

  it("loses its UDP flows with the whole Service", () => {
    const { router } = routerWith(planWith({ protocol: "UDP", cluster: [one], serving: [one] }));
    const { breaks } = open(router, "UDP");
    router.set("tour/web", []);
    expect(breaks).toEqual(["broken"]);
  });
});
