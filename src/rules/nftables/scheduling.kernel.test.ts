import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cidr, ip } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import type { ServicePlan } from "../../model/index.ts";
import { inNamespace, openNft, runProgram } from "../../kernel/index.ts";
import type { Nft } from "../../kernel/index.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import { RuleSet } from "./rule-set.ts";
import { testNamespaces } from "../../../test/support/test-namespaces.ts";

interface Addresses {
  readonly range: string;
  readonly clusterIP: string;
  readonly external: string;
  readonly endpoints: readonly string[];
  readonly clients: readonly string[];
}

const worlds: readonly (readonly [IpFamily, Addresses])[] = [
  [
    "IPv4",
    {
      range: "10.96.0.0/16",
      clusterIP: "10.96.0.1",
      external: "203.0.113.9",
      endpoints: ["10.1.0.1", "10.1.0.2", "10.1.0.3"],
      clients: Array.from({ length: 24 }, (_, i) => `10.2.0.${i + 1}`),
    },
  ],
  [
    "IPv6",
    {
      range: "fd00:96::/108",
      clusterIP: "fd00:96::1",
      external: "2001:db8::9",
      endpoints: ["fd00:1::1", "fd00:1::2", "fd00:1::3"],
      clients: Array.from({ length: 24 }, (_, i) => `fd00:2::${(i + 1).toString(16)}`),
    },
  ],
];

const newNamespace = testNamespaces();
let namespace: string;
const servers: Server[] = [];
let nft: Nft;

beforeAll(async () => {
  namespace = newNamespace();
  nft = openNft({ namespace });
  const lines = ["link set lo up"];
  for (const [, { range, external, endpoints, clients }] of worlds) {
    for (const address of [...endpoints, ...clients]) lines.push(`address add ${address} dev lo`);
    lines.push(`route add ${range} dev lo`, `route add ${external} dev lo`);
  }
  await runProgram(["ip", "-batch", "-"], { namespace, input: `${lines.join("\n")}\n` });
  inNamespace(namespace, () => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.end(socket.localAddress?.replace("::ffff:", "") ?? "");
    });
    servers.push(server.listen(8080));
  });
});
afterAll(() => {
  for (const server of servers) server.close();
  nft.close();
});

/** Connects from an address of the node; the answer is the address that was reached. */
function ask(family: IpFamily, client: string, to: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = inNamespace(namespace, () =>
      connect({
        host: "here",
        port: 80,
        localAddress: client,
        autoSelectFamily: false,
        lookup: (_host, _options, found) => found(null, to, family === "IPv4" ? 4 : 6),
      }),
    );
    let text = "";
    socket.setEncoding("utf8").on("data", (part: string) => (text += part));
    socket.once("end", () => resolve(text));
    socket.once("error", reject);
  });
}

async function write(family: IpFamily, more: Partial<ServicePlan>, without?: string): Promise<void> {
  const addresses = new Map(worlds).get(family);
  if (addresses === undefined) throw new Error(`no addresses for ${family}`);
  const rules = new RuleSet(nodeNetwork({ serviceCidrs: worlds.map(([, { range }]) => cidr(range)) }));
  const { clusterIP, external, endpoints } = addresses;
  const cluster = endpoints.filter((address) => address !== without).map((address) => endpointAt(address, "node-1"));
  rules.want("tour/web", [planWith({ family, clusterIP, externalIPs: [external], cluster, ...more })]);
  await nft.apply(rules.full().script, { full: true });
}

describe.each(worlds)("picks over %s", (family, { clusterIP, external, clients, endpoints }) => {
  const all = async (to: string): Promise<readonly string[]> => {
    const answers: string[] = [];
    for (const client of clients) answers.push(await ask(family, client, to));
    return answers;
  };

  it("remember each client at all addresses, over a new start, and place those anew whose endpoint is gone", async () => {
    await write(family, { affinitySeconds: 30 });
    const first = await all(clusterIP);
    expect(new Set(first).size).toBeGreaterThan(1);
    expect(await all(external)).toEqual(first);
    await write(family, { affinitySeconds: 30 });
    expect(await all(clusterIP)).toEqual(first);
    const [gone = ""] = endpoints;
    await write(family, { affinitySeconds: 30 }, gone);
    const second = await all(external);
    expect(second).not.toContain(gone);
    expect(second.filter((answer, i) => first[i] !== gone && answer !== first[i])).toEqual([]);
    await write(family, { affinitySeconds: 30 });
    expect(await all(clusterIP)).toEqual(second);
  });

  it.each(["rr", "wrr"] as const)("take turns with %s", async (scheduler) => {
    await write(family, { scheduler });
    const answers = await all(clusterIP);
    expect(answers.slice(3)).toEqual(answers.slice(0, -3));
    expect(new Set(answers)).toEqual(new Set(endpoints));
  });

  it.each(["sh", "mh"] as const)("go by the client with %s, also at another address", async (scheduler) => {
    await write(family, { scheduler });
    const answers = await all(clusterIP);
    expect(new Set(answers)).toEqual(new Set(endpoints));
    expect(await all(external)).toEqual(answers);
  });

  it("go by the address that is asked with dh, and to one endpoint with fo", async () => {
    for (const scheduler of ["dh", "fo"] as const) {
      await write(family, { scheduler });
      expect(new Set(await all(clusterIP)).size).toBe(1);
    }
  });

  it("follow weights that change, and leave nothing to an endpoint that is gone", async () => {
    const weighted = endpoints.map((address, i) => ({
      ...endpointAt(address, "node-1"),
      ip: ip(address),
      weight: i === 0 ? 98 : 1,
    }));
    await write(family, { cluster: weighted });
    const answers = [...(await all(clusterIP)), ...(await all(external))];
    expect(answers.filter((answer) => answer === endpoints[0]).length).toBeGreaterThan(38);
    await write(family, {}, endpoints[0]);
    expect(await all(clusterIP)).not.toContain(endpoints[0]);
  });
});
