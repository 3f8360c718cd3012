import { describe, expect, it } from "vitest";
import { cidr, ip } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import { goldenPlans } from "../../../test/support/golden-plans.ts";
import { groundText, renderSet, setDefinitions } from "./fixed-rules.ts";
import { IpvsBook } from "./ipvs-book.ts";
import { parseIpset, parseIpvsadm } from "./parse.ts";
import { script } from "./render.ts";
import { serviceRules } from "./service-rules.ts";
import { stateOfStatements } from "./state.ts";
import type { Statement } from "./statement.ts";

const network = nodeNetwork({
  serviceCidrs: [cidr("10.96.0.0/16"), cidr("fd00:96::/108")],
  localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24")] },
});

function statements(): readonly Statement[] {
  const book = new IpvsBook({ network });
  book.setNodeAddresses([ip("127.0.0.1"), ip("192.168.100.11"), ip("fd00:64::11")]);
  for (const [service, plans] of goldenPlans) book.want(service, plans);
  const change = book.changes(goldenPlans.keys());
  expect(change.script.kind).toBe("changes");
  return change.script.kind === "changes" ? change.script.statements : [];
}

// Each of these files is given to the real tools in golden.uml.test.ts.
describe("IpvsBook.changes()", () => {
  it.each(["ipset", "ipvsadm", "ip"] as const)("writes everything that %s can be told", async (tool) => {
    await expect(script(statements(), tool)).toMatchFileSnapshot(`testdata/everything.${tool}`);
  });

  it("gives the same bytes for the same input", () => {
    expect(script(statements(), "ipset")).toBe(script(statements(), "ipset"));
  });
});

describe("groundText()", () => {
  it.each(["IPv4", "IPv6"] as const)("writes the fixed rules of %s", async (family) => {
    await expect(groundText(family, network, "")).toMatchFileSnapshot(
      `testdata/ground-${family.toLowerCase()}.iptables`,
    );
    const sets = setDefinitions(family).map((set) => `${renderSet(set)}\n`);
    await expect(sets.join("")).toMatchFileSnapshot(`testdata/ground-${family.toLowerCase()}.ipset`);
  });

  it.each([
    ["masquerades all", nodeNetwork({ masqueradeAll: true, masqueradeBit: 20 })],
    ["knows nothing", nodeNetwork()],
    ["knows links", nodeNetwork({ localTraffic: { kind: "interface-prefix", prefix: "cali" } })],
    ["knows a bridge", nodeNetwork({ localTraffic: { kind: "bridge", name: "cbr0" } })],
  ])("that %s", async (name, known) => {
    const file = `testdata/ground-that-${name.replaceAll(" ", "-")}.iptables`;
    await expect(groundText("IPv4", known, "")).toMatchFileSnapshot(file);
  });
});

describe("parseIpvsadm() and parseIpset()", () => {
  it("read what was written", () => {
    const all = statements();
    const state = stateOfStatements(all);
    const members = parseIpset(script(all, "ipset")).members.map((member) => ({ kind: "add-member", member }) as const);
    const read = stateOfStatements([...parseIpvsadm(script(all, "ipvsadm")), ...members]);
    expect(read.servers).toEqual(state.servers);
    expect(read.members).toEqual(state.members);
  });

  it("pass over what is not ours or no server", () => {
    expect(
      parseIpvsadm("IP Virtual Server version 1.2.1\n-A -t nonsense -s rr\n-a -t 10.0.0.1:80 -r x -m\n\n"),
    ).toEqual([]);
    expect(
      parseIpset("create KUBE-CLUSTER-IP hash:ip,port family inet\nadd KUBE-CLUSTER-IP 10.0.0.1,tcp:80\n"),
    ).toEqual({
      sets: [],
      members: [],
    });
  });
});

describe("serviceRules()", () => {
  it("explains each line", () => {
    const plans = goldenPlans.get("tour/balanced") ?? [];
    const rules = serviceRules(plans, network, { nodeAddresses: [ip("192.168.100.11")] });
    expect(rules.map(({ text, meaning }) => `${text}\n    ${meaning}`).join("\n")).toMatchSnapshot();
  });
});
