import { describe, expect, it } from "vitest";
import { applyLinkSteps, openNft, openRelaySockets, inNamespace, runProgram } from "../../kernel/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import { openRelay, secureRandom, systemClock } from "../../net/index.ts";
import { planWith } from "../../../test/support/service-plans.ts";
import { testNamespaces } from "../../../test/support/test-namespaces.ts";
import type { ProxyEngine } from "../engine.ts";
import { nftablesEngine } from "./nftables.ts";
import { userspaceEngine } from "./userspace.ts";

const newNamespace = testNamespaces();

const engines: readonly (readonly [string, (namespace: string) => ProxyEngine])[] = [
  ["nftables", (namespace) => nftablesEngine({ rules: openNft({ namespace }) })],
  [
    "userspace",
    (namespace) =>
      userspaceEngine({
        rules: openNft({ namespace }),
        relay: openRelay({ kernel: openRelaySockets({ namespace }), clock: systemClock }),
        clock: systemClock,
        random: secureRandom(),
      }),
  ],
];

describe.each(engines)("an agent of mode %s that starts", (_, open) => {
  it("takes the table away of a family that its predecessor had Services of, and that has none now", async () => {
    const namespace = newNamespace();
    inNamespace(namespace, () => applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]));
    const tables = () => runProgram(["nft", "list", "tables"], { namespace });
    const earlier = open(namespace);
    earlier.setNetwork(nodeNetwork());
    earlier.want("ns/svc", [planWith({ service: "ns/svc", clusterIP: "fd00:96::1", family: "IPv6" })]);
    await earlier.writeAll(["ns/svc"]);
    earlier.close();
    expect(await tables()).toContain("table ip6 sealane");
    const agent = open(namespace);
    agent.setNetwork(nodeNetwork());
    await agent.writeAll([]);
    expect(await tables()).not.toContain("table ip6 sealane");
    expect(await tables()).toContain("table ip sealane");
    expect(agent.noticesOthers()).toBe("nothing");
    agent.close();
  });
});
