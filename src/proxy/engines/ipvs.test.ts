import { describe, expect, it } from "vitest";
import { ip, ManualClock, silentLogger } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import { FakeKernel } from "../../../test/support/fake-ipvs.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import { ipvsEngine } from "./ipvs.ts";

const here = endpointAt("10.244.1.2", "node-1");
const there = endpointAt("10.244.2.2", "node-2");

async function started(kernel = new FakeKernel(), clock = new ManualClock(), resetRemoved = false) {
  const engine = ipvsEngine({ ipvs: kernel, clock, resetRemoved, log: silentLogger });
  engine.setNetwork(nodeNetwork());
  engine.want("tour/web", [planWith({ cluster: [here, there] })]);
  await engine.writeAll(["tour/web"]);
  kernel.log.length = 0;
  const change = async (...endpoints: readonly (typeof here)[]) => {
    engine.want("tour/web", endpoints.length === 0 ? [] : [planWith({ cluster: endpoints })]);
    return engine.writeChanges(["tour/web"], { mayMismatch: true });
  };
  return { engine, kernel, clock, change };
}

/** Lets time pass, and what is due then happen. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  clock.advance(ms);
  await new Promise((resolve) => void setImmediate(resolve));
}

const toHere = "-a -t 10.96.0.20:80 -r 10.244.1.2:8080 -m -w 1";

describe("an endpoint that goes", () => {
  it("is deleted at once when nobody is connected", async () => {
    const { kernel, change } = await started();
    await change(here);
    expect(kernel.log).toEqual([
      "-e -t 10.96.0.20:80 -r 10.244.2.2:8080 -m -w 0",
      "-d -t 10.96.0.20:80 -r 10.244.2.2:8080",
    ]);
  });

  it("is asked about every 5 s until its last connection has ended, and nothing is asked then", async () => {
    const { kernel, clock, change } = await started();
    kernel.connections.set(there.ip, { active: 1, inactive: 1 });
    await change(here);
    await pass(clock, 5000);
    kernel.connections.set(there.ip, { active: 0, inactive: 1 });
    await pass(clock, 5000);
    expect(kernel.lines).toContain("-a -t 10.96.0.20:80 -r 10.244.2.2:8080 -m -w 0");
    kernel.connections.delete(there.ip);
    await pass(clock, 5000);
    expect(kernel.lines).toEqual(["-A -t 10.96.0.20:80 -s rr", toHere]);
  });

  it("takes connections again when it comes back, and is not deleted later", async () => {
    const { kernel, clock, change } = await started();
    kernel.connections.set(there.ip, { active: 1, inactive: 0 });
    await change(here);
    await change(here, there);
    kernel.connections.clear();
    await pass(clock, 20_000);
    expect(kernel.lines).toContain("-a -t 10.96.0.20:80 -r 10.244.2.2:8080 -m -w 1");
  });
});

describe("an endpoint that goes, where connections end with it", () => {
  it("is deleted at once, whoever is connected, and its Service is not", async () => {
    const { kernel, change } = await started(new FakeKernel(), new ManualClock(), true);
    kernel.connections.set(there.ip, { active: 1, inactive: 1 });
    kernel.connections.set(here.ip, { active: 1, inactive: 1 });
    await change(here);
    expect(kernel.log).toEqual(["-d -t 10.96.0.20:80 -r 10.244.2.2:8080"]);
    await change();
    expect(kernel.log).not.toContain("close 10.96.0.20");
  });
});

describe("a Service that goes", () => {
  it("keeps its address for those who are connected", async () => {
    const { kernel, clock, change } = await started();
    kernel.connections.set(there.ip, { active: 1, inactive: 0 });
    await change();
    expect(kernel.log).not.toContain("close 10.96.0.20");
    // Who is closing its connection does not count: clients that go leave such traces for minutes.
    kernel.connections.set(there.ip, { active: 0, inactive: 1 });
    await pass(clock, 5000);
    expect(kernel.log).toContain("close 10.96.0.20");
    expect(kernel.lines).toEqual([]);
    expect(kernel.members).toBe(0);
  });

  it("that comes back meanwhile keeps it for good", async () => {
    const { kernel, clock, change } = await started();
    kernel.connections.set(there.ip, { active: 1, inactive: 0 });
    await change();
    await change(here, there);
    kernel.connections.clear();
    await pass(clock, 20_000);
    expect(kernel.log).not.toContain("close 10.96.0.20");
    expect(kernel.lines).toHaveLength(3);
  });
});

describe("writeAll()", () => {
  it("adopts what an earlier process left, deletes what of it is not wanted, and leaves others' servers", async () => {
    const { kernel } = await started();
    kernel.foreign("-A -t 198.51.100.7:99 -s wlc\n");
    const next = ipvsEngine({ ipvs: kernel, clock: new ManualClock() });
    next.setNetwork(nodeNetwork());
    next.want("tour/web", [planWith({ cluster: [here, there] })]);
    await next.writeAll(["tour/web"]);
    expect(kernel.log).toEqual([]);
    next.want("tour/web", []);
    next.want("tour/other", [planWith({ service: "tour/other", clusterIP: "10.96.0.99", cluster: [here] })]);
    const again = ipvsEngine({ ipvs: kernel, clock: new ManualClock() });
    again.setNetwork(nodeNetwork());
    again.want("tour/other", [planWith({ service: "tour/other", clusterIP: "10.96.0.99", cluster: [here] })]);
    await again.writeAll(["tour/other"]);
    expect(kernel.lines.toSorted()).toEqual([
      "-A -t 10.96.0.99:80 -s rr",
      "-A -t 198.51.100.7:99 -s wlc",
      "-a -t 10.96.0.99:80 -r 10.244.1.2:8080 -m -w 1",
    ]);
  });
});

describe("a server that the kernel refuses", () => {
  it("sets its Service aside, and no other", async () => {
    const { engine, kernel } = await started();
    kernel.refuses = "10.96.0.66";
    engine.want("tour/bad", [planWith({ service: "tour/bad", clusterIP: "10.96.0.66", cluster: [here] })]);
    engine.want("tour/good", [planWith({ service: "tour/good", clusterIP: "10.96.0.77", cluster: [here] })]);
    const result = await engine.writeChanges(["tour/bad", "tour/good"], { mayMismatch: true });
    expect(result).toMatchObject({ kind: "written", refused: [{ service: "tour/bad" }] });
    expect(kernel.lines).toContain("-A -t 10.96.0.77:80 -s rr");
  });
});

/** Lets time pass, and what it brings come to its end. */
async function later(clock: ManualClock): Promise<void> {
  clock.advance(10_000);
  await new Promise((resolve) => void setImmediate(resolve));
}

describe("noticesOthers()", () => {
  it("sees that servers are gone, and that the node has other addresses", async () => {
    const { engine, kernel } = await started();
    expect(engine.noticesOthers()).toBe("nothing");
    kernel.changed = true;
    expect(engine.noticesOthers()).toBe("nothing");
    kernel.changed = true;
    kernel.own = [...kernel.own, ip("192.168.100.77")];
    expect(engine.noticesOthers()).toBe("changes");
    await engine.writeAll(["tour/web"]);
    expect(engine.noticesOthers()).toBe("nothing");
    kernel.flush();
    expect(engine.noticesOthers()).toBe("damage");
  });

  it.each<[string, (kernel: FakeKernel) => void]>([
    ["a flushed set", (kernel) => kernel.flushSet("SEALANE-MASQUERADE")],
    ["a virtual server", (kernel) => kernel.delete("-A -t 10.96.0.20:80")],
    ["a virtual server, where IPVS is no module", (kernel) => ((kernel.isModule = false), kernel.flush())],
    ["the route of an address", (kernel) => kernel.deleteAddress("10.96.0.20")],
    ["its rules", (kernel) => kernel.flushRules()],
    ["a destination", (kernel) => kernel.delete("-a -t 10.96.0.20:80 -r 10.244.2.2")],
  ])("sees that %s is gone, and writes it again", async (_, damage) => {
    const { engine, kernel } = await started();
    engine.want("tour/shop", [planWith({ cluster: [here], clusterIP: "10.96.0.21", externalIPs: ["203.0.113.5"] })]);
    await engine.writeChanges(["tour/shop"], { mayMismatch: true });
    expect(engine.noticesOthers()).toBe("nothing");
    const before = kernel.state;
    damage(kernel);
    expect(engine.noticesOthers()).toBe("damage");
    await engine.writeAll(["tour/web", "tour/shop"]);
    expect(kernel.state).toEqual(before);
    expect(engine.noticesOthers()).toBe("nothing");
  });

  it("remembers what it sees before it changes something itself", async () => {
    const { engine, kernel, change } = await started();
    kernel.flushSet("SEALANE-VIPS");
    await change(here);
    expect(engine.noticesOthers()).toBe("damage");
  });

  it("is not misled by what goes when its last connection has", async () => {
    const { engine, kernel, clock, change } = await started();
    kernel.connections.set("10.244.2.2", { active: 1, inactive: 0 });
    await change(here);
    expect(engine.noticesOthers()).toBe("nothing");
    kernel.connections.clear();
    await later(clock);
    expect(kernel.lines.filter((line) => line.startsWith("-a"))).toHaveLength(1);
    expect(engine.noticesOthers()).toBe("nothing");
    kernel.connections.set("10.244.1.2", { active: 1, inactive: 0 });
    await change();
    await later(clock);
    kernel.connections.clear();
    await later(clock);
    expect(kernel.lines).toEqual([]);
    expect(engine.noticesOthers()).toBe("nothing");
  });
});

describe("remove()", () => {
  it("leaves others' servers and nothing of ours", async () => {
    const { engine, kernel } = await started();
    kernel.foreign("-A -t 198.51.100.7:99 -s wlc\n");
    await engine.remove();
    expect(kernel.lines).toEqual(["-A -t 198.51.100.7:99 -s wlc"]);
    expect(kernel.members).toBe(0);
  });
});
