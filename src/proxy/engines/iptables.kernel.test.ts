import { beforeEach, describe, expect, it } from "vitest";
import { nodeNetwork } from "../../model/index.ts";
import { openIptables, runProgram } from "../../kernel/index.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import { savedRules } from "../../../test/conformance/proxy/iptables-state.ts";
import type { ProxyEngine } from "../engine.ts";
import { iptablesEngine } from "./iptables.ts";
import { testNamespaces } from "../../../test/support/test-namespaces.ts";

const newNamespace = testNamespaces();
let namespace: string;

beforeEach(() => {
  namespace = newNamespace();
});

/** As kube-proxy v1.36 leaves a node with one Service that is still there, one that has gone, and a kubelet; and rules of others. */
const leftByKubeProxy = `*mangle
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-PROXY-CANARY - [0:0]
COMMIT
*filter
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-CANARY - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -j KUBE-FIREWALL
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A INPUT -p icmp -j ACCEPT
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.77/32 -p tcp -m comment --comment "old/gone:http has no endpoints" -m tcp --dport 80 -j REJECT
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
COMMIT
*nat
:THEIRS - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-PROXY-CANARY - [0:0]
:KUBE-SEP-NY74KFWFZDXVSL6C - [0:0]
:KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-ORTAORPRD4X6OBYF - [0:0]
:KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE
-A THEIRS -p tcp -j RETURN
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-SERVICES -d 10.96.0.20/32 -p tcp -m comment --comment "tour/web:http cluster IP" -m tcp --dport 80 -j KUBE-SVC-ORTAORPRD4X6OBYF
-A KUBE-SERVICES -d 10.96.0.78/32 -p tcp -m comment --comment "old/other:http cluster IP" -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
-A KUBE-SVC-ORTAORPRD4X6OBYF -m comment --comment "tour/web:http -> 10.244.1.2:8080" -j KUBE-SEP-NY74KFWFZDXVSL6C
-A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA
-A KUBE-SEP-AAAAAAAAAAAAAAAA -p tcp -m tcp -j DNAT --to-destination 10.244.9.9:8080
COMMIT
`;

/** Jumps that kube-proxy left stay where it put them in the kernel's own chains: each is for packets of its own. */
function withoutJumpPlaces(rules: readonly string[]): readonly string[] {
  return rules.map((rule) => rule.replace(/^(\S+ [A-Z]+) \d+ /, "$1 ")).sort();
}

describe.each(["legacy", "nft"] as const)("the iptables engine with the %s variant", (variant) => {
  const saved = (): Promise<string> => runProgram([`iptables-${variant}-save`], { namespace });
  const engineOf = (): ProxyEngine => {
    const engine = iptablesEngine({ rules: openIptables({ namespace, variant }) });
    engine.setNetwork(nodeNetwork({ localhostNodePorts: true }));
    engine.want("tour/web", [planWith({ cluster: [endpointAt("10.244.1.2", "node-1")] })]);
    return engine;
  };

  it("takes over from kube-proxy: its rules become ours, others stay, and all of ours goes in the end", async () => {
    const fresh = engineOf();
    await fresh.writeAll(["tour/web"]);
    const expected = withoutJumpPlaces(savedRules(await saved()));
    await fresh.remove();
    fresh.close();
    expect(await saved()).not.toContain("KUBE-");

    await runProgram([`iptables-${variant}-restore`, "-w", "--noflush"], { namespace, input: leftByKubeProxy });
    const engine = engineOf();
    expect(await engine.writeAll(["tour/web"])).toEqual({ kind: "written", refused: [] });
    const text = await saved();
    expect(withoutJumpPlaces(savedRules(text))).toEqual(expected);
    for (const theirs of ["-A INPUT -p icmp -j ACCEPT", "-A THEIRS -p tcp", "-s 172.17.0.0/16 -j MASQUERADE"]) {
      expect(text).toContain(theirs);
    }
    await engine.remove();
    const left = await saved();
    // The kubelet's.
    expect(left.match(/^:KUBE-\S+/gm)?.sort()).toEqual([":KUBE-FIREWALL", ":KUBE-KUBELET-CANARY"]);
    expect(left).toContain("-A THEIRS -p tcp");
    engine.close();
  });

  it("is repaired by the next full write, and at once when a change meets what is missing", async () => {
    const engine = engineOf();
    await engine.writeAll(["tour/web"]);
    const expected = savedRules(await saved());
    expect(engine.noticesOthers()).toBe("nothing");
    await runProgram([`iptables-${variant}`, "-w", "-t", "nat", "-F", "KUBE-SERVICES"], { namespace });
    engine.want("tour/web", []);
    expect(await engine.writeChanges(["tour/web"], { mayMismatch: true })).toMatchObject({ kind: "mismatch" });
    engine.want("tour/web", [planWith({ cluster: [endpointAt("10.244.1.2", "node-1")] })]);
    await engine.writeAll(["tour/web"]);
    expect(savedRules(await saved())).toEqual(expected);
    engine.close();
  });

  it.each([["KUBE-SERVICES"], ["KUBE-MARK-MASQ"]])("notices that somebody flushed %s", async (chain) => {
    const engine = engineOf();
    await engine.writeAll(["tour/web"]);
    const expected = savedRules(await saved());
    engine.want("tour/api", [planWith({ service: "tour/api", clusterIP: "10.96.0.22" })]);
    await engine.writeChanges(["tour/api"], { mayMismatch: true });
    engine.want("tour/api", []);
    await engine.writeChanges(["tour/api"], { mayMismatch: true });
    expect(engine.noticesOthers()).toBe("nothing");
    await runProgram([`iptables-${variant}`, "-w", "-t", "nat", "-F", chain], { namespace });
    expect(engine.noticesOthers()).toBe(variant === "nft" ? "damage" : "changes");
    await engine.writeAll(["tour/web"]);
    expect(engine.noticesOthers()).toBe("nothing");
    expect(savedRules(await saved())).toEqual(expected);
    engine.close();
  });

  it("notices that an endpoint's chain was flushed", async () => {
    const engine = engineOf();
    await engine.writeAll(["tour/web"]);
    const chain = /^:(KUBE-SEP-\S+)/m.exec(await saved())?.[1] ?? "";
    await runProgram([`iptables-${variant}`, "-w", "-t", "nat", "-F", chain], { namespace });
    expect(engine.noticesOthers()).toBe(variant === "nft" ? "damage" : "changes");
    engine.close();
  });

  it("does not mind what others do in their chains", async () => {
    const engine = engineOf();
    await engine.writeAll(["tour/web"]);
    const iptables = (...line: string[]) =>
      runProgram([`iptables-${variant}`, "-w", "-t", "nat", ...line], { namespace });
    const theirs = ["-s", "10.9.0.0/16", "-j", "RETURN"];
    await iptables("-N", "THEIRS");
    expect(engine.noticesOthers()).toBe("nothing");
    await iptables("-A", "THEIRS", ...theirs);
    expect(engine.noticesOthers()).toBe("nothing");
    await iptables("-I", "POSTROUTING", ...theirs);
    expect(engine.noticesOthers()).toBe("nothing");
    engine.close();
  });

  it("sets a Service aside that the tool refuses, and writes the others", async () => {
    const engine = engineOf();
    const services = ["tour/web", "tour/bad", "tour/api"];
    const cluster = [endpointAt("10.244.1.3", "node-1")];
    engine.want("tour/bad", [planWith({ service: "tour/bad", clusterIP: "10.96.0.21", cluster, affinitySeconds: -1 })]);
    engine.want("tour/api", [planWith({ service: "tour/api", clusterIP: "10.96.0.22", cluster })]);
    const result = await engine.writeAll(services);
    expect(result).toMatchObject({ kind: "written", refused: [{ service: "tour/bad" }] });
    const text = await saved();
    expect(text).toContain("tour/web:http cluster IP");
    expect(text).toContain("tour/api:http cluster IP");
    expect(text).not.toContain("tour/bad");
    engine.close();
  });
});
