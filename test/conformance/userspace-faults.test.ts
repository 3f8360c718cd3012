import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { ip } from "../../src/core/index.ts";
import { applyLinkSteps, inNamespace, openRelaySockets } from "../../src/kernel/index.ts";
import { nodeNetwork } from "../../src/model/index.ts";
import { openRelay, systemClock } from "../../src/net/index.ts";
import { nftablesEngine } from "../../src/proxy/index.ts";
import { until } from "../lab/own-namespaces.ts";
import { planWith } from "../support/service-plans.ts";
import { addressOf, endpointOf, RelayNetwork } from "./relay-network.ts";

const vip = "10.96.0.20";
const plan = planWith({ nodePort: 30080, affinitySeconds: 60, cluster: [endpointOf("p1"), endpointOf("p2")] });
const networks: RelayNetwork[] = [];

afterEach(async () => {
  for (const network of networks.splice(0)) await network.stop();
});
afterAll(() => expect(networks).toEqual([]));

async function servingNetwork(): Promise<RelayNetwork> {
  const network = new RelayNetwork();
  networks.push(network);
  for (const pod of ["p1", "p2"] as const) network.listen(pod, (socket) => socket.end(pod));
  network.listen("p3", (socket) => socket.pipe(socket), 8081);
  await network.engine.writeAll([]);
  await network.serve(plan);
  return network;
}

function inNode(network: RelayNetwork, ...[program = "", ...args]: readonly string[]): string {
  return inNamespace(network.path("node"), () => execFileSync(program, args, { encoding: "utf8" }));
}

describe("the userspace engine", () => {
  it("refuses new clients while its process is gone, and serves them and their affinity after a restart", async () => {
    const network = await servingNetwork();
    const kernel = openRelaySockets({ namespace: network.path("node") });
    const relay = openRelay({ kernel, clock: systemClock, graceMs: 0 });
    network.engine = network.createEngine({ relay });
    network.engine.want("tour/web", [plan]);
    await network.engine.writeAll(["tour/web"]);
    const home = await network.ask("client", vip, 80);
    // What the kernel does to the listeners of a process that is killed.
    relay.close();
    // The rules lead to a port where nobody is: clients learn it at once.
    await until("the listeners to be gone", async () => (await network.ask("client", vip, 80)) === "ECONNREFUSED");
    network.engine = network.createEngine();
    network.engine.want("tour/web", [plan]);
    await network.engine.writeAll(["tour/web"]);
    for (let i = 0; i < 4; i++) expect(await network.ask("client", vip, 80)).toBe(home);
  });

  it("notices that others flushed the rules, and puts them back under open connections", async () => {
    const network = await servingNetwork();
    await network.serve(
      plan,
      planWith({ service: "tour/echo", clusterIP: "10.96.0.21", cluster: [endpointOf("p3", "IPv4", { port: 8081 })] }),
    );
    const open = network.connect("client", "10.96.0.21", 80);
    open.write("before");
    await once(open, "data");
    network.engine.noticesOthers();
    expect(network.engine.noticesOthers()).toBe("nothing");
    inNode(network, "nft", "flush", "ruleset");
    expect(network.engine.noticesOthers()).toBe("damage");
    await network.engine.writeAll(["tour/web", "tour/echo"]);
    expect(await network.ask("client", vip, 80)).toMatch(/^p[12]$/);
    open.write("after");
    expect(String((await once(open, "data"))[0])).toBe("after");
  });

  it("moves its listeners when the node gets another address", async () => {
    const network = await servingNetwork();
    network.engine.noticesOthers();
    inNamespace(network.path("node"), () =>
      applyLinkSteps([
        { kind: "address", address: ip("192.168.100.99"), prefix: 32, link: "client" },
        { kind: "delete-address", address: ip(addressOf("node")), prefix: 32, link: "client" },
      ]),
    );
    expect(network.engine.noticesOthers()).toBe("damage");
    await network.engine.writeAll(["tour/web"]);
    expect(network.engine.noticesOthers()).toBe("nothing");
    expect(await network.ask("client", vip, 80)).toMatch(/^p[12]$/);
    expect(await network.ask("client", "192.168.100.99", 30080)).toMatch(/^p[12]$/);
    expect(inNode(network, "nft", "list", "table", "ip", "sealane-userspace")).not.toContain(addressOf("node"));
  });

  it("gives way to another engine and takes over again without a lost connection", async () => {
    const network = await servingNetwork();
    await network.serve(
      plan,
      planWith({ service: "tour/echo", clusterIP: "10.96.0.21", cluster: [endpointOf("p3", "IPv4", { port: 8081 })] }),
    );
    const open = network.connect("client", "10.96.0.21", 80);
    open.write("before");
    await once(open, "data");

    const answers: Promise<string>[] = [];
    const end = new AbortController();
    const asker = (async () => {
      while (!end.signal.aborted) {
        const answer = network.ask("client", vip, 80);
        answers.push(answer);
        await answer;
      }
    })();
    const nftables = nftablesEngine({ rules: network.nft });
    nftables.setNetwork(nodeNetwork());
    nftables.want("tour/web", [plan]);
    await nftables.writeAll(["tour/web"]);
    const former = network.engine;
    await former.remove();
    former.close();
    expect(inNode(network, "nft", "list", "tables")).not.toContain("sealane-userspace");
    await network.ask("client", vip, 80);
    open.write("still");
    expect(String((await once(open, "data"))[0])).toBe("still");

    network.engine = network.createEngine();
    network.engine.want("tour/web", [plan]);
    await network.engine.writeAll(["tour/web"]);
    await nftables.remove();
    await network.ask("client", vip, 80);
    end.abort();
    await asker;
    const all = await Promise.all(answers);
    expect(all.length).toBeGreaterThan(10);
    expect(all.filter((answer) => answer !== "p1" && answer !== "p2")).toEqual([]);
    expect([...network.engine.counters()].some(({ connections }) => connections > 0)).toBe(true);
  });
});
