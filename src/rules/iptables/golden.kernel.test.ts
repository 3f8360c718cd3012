import { readdirSync, readFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { cidr } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import { openIptables, runProgram } from "../../kernel/index.ts";
import type { Iptables } from "../../kernel/index.ts";
import { goldenPlans } from "../../../test/support/golden-plans.ts";
import { savedRules } from "../../../test/conformance/proxy/iptables-state.ts";
import { IptablesBook } from "./iptables-book.ts";
import { testNamespaces } from "../../../test/support/test-namespaces.ts";

const newNamespace = testNamespaces();
const golden = new URL("testdata/", import.meta.url);
const network = nodeNetwork({
  serviceCidrs: [cidr("10.96.0.0/16"), cidr("fd00:96::/108")],
  localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24"), cidr("fd00:244::/64")] },
  localhostNodePorts: true,
});
const programs: Readonly<Record<IpFamily, string>> = { IPv4: "iptables", IPv6: "ip6tables" };
const files = readdirSync(golden).filter((name) => name.endsWith(".rules"));

it("there are golden rules", () => expect(files.length).toBeGreaterThan(2));

describe.each(["legacy", "nft"] as const)("the %s variant", (variant) => {
  let namespace: string;
  let iptables: Iptables;

  beforeEach(() => {
    namespace = newNamespace();
    iptables = openIptables({ namespace, variant });
    return () => iptables.close();
  });

  /** Every rule in our chains as the kernel lists it, with its place where that has a meaning. */
  async function kernelRules(family: IpFamily): Promise<readonly string[]> {
    return savedRules(await runProgram([`${programs[family]}-${variant}-save`], { namespace }));
  }

  it.each(files)("accepts the golden rules in %s, twice, and lists them as they were meant", async (name) => {
    const text = readFileSync(new URL(name, golden), "utf8");
    for (const [family, program] of Object.entries(programs) as [IpFamily, string][]) {
      const input = sections(text).get(program) ?? "";
      expect(input).not.toBe("");
      for (let time = 1; time <= 2; time++) {
        // The second time, the jumps are there already.
        const script = time === 1 ? input : input.replaceAll(/^-I (?:INPUT|OUTPUT|FORWARD|\w+ROUTING) .*\n/gm, "");
        await runProgram([`${program}-${variant}-restore`, "-w", "--noflush", "--test"], { namespace, input: script });
        await runProgram([`${program}-${variant}-restore`, "-w", "--noflush", "--counters"], {
          namespace,
          input: script,
        });
        expect(await kernelRules(family)).toEqual(savedRules(asSaved(input)));
      }
    }
  });

  it("has after changes Service by Service what one full write gives, and nothing after all went", async () => {
    const whole = bookOf();
    for (const [service, plans] of goldenPlans) whole.want(service, plans);
    await iptables.apply(whole.full().script, { full: true });
    const expected = [await kernelRules("IPv4"), await kernelRules("IPv6")];
    await iptables.apply(whole.removal(), { full: true });

    const book = bookOf();
    const write = async (service: string): Promise<void> => {
      const change = book.changes([service]);
      await iptables.apply(change.script);
      change.commit();
    };
    const empty = book.full();
    await iptables.apply(empty.script, { full: true });
    empty.commit();
    const { installed } = book;
    for (const [service, plans] of goldenPlans) {
      book.want(service, plans);
      await write(service);
    }
    expect([await kernelRules("IPv4"), await kernelRules("IPv6")]).toEqual(expected);
    for (const [service] of goldenPlans) {
      book.want(service, []);
      await write(service);
    }
    expect(book.installed).toBe(installed);
    const left = await runProgram([`iptables-${variant}-save`], { namespace });
    expect(left).not.toMatch(/KUBE-(?:SVC|SVL|EXT|FW|SEP)-/);
    await iptables.apply(book.removal(), { full: true });
    for (const program of Object.values(programs)) {
      expect(await runProgram([`${program}-${variant}-save`], { namespace })).not.toContain("KUBE-");
    }
  });

  function bookOf(): IptablesBook {
    const book = new IptablesBook();
    book.setNetwork(network);
    return book;
  }
});

/** The text for each program. */
function sections(text: string): ReadonlyMap<string, string> {
  const parts = text.split(/^# (ip6?tables)-restore\n/m).slice(1);
  const found = new Map<string, string>();
  for (let i = 0; i < parts.length; i += 2) {
    found.set(parts[i] ?? "", (found.get(parts[i] ?? "") ?? "") + (parts[i + 1] ?? ""));
  }
  return found;
}

/** A script in the form of a list: our chains, and jumps to them from the kernel's, of which the last that was inserted is the first. */
function asSaved(script: string): string {
  return script
    .replaceAll(/(?:^-I .*\n)+/gm, (jumps) => `${jumps.trimEnd().split("\n").toReversed().join("\n")}\n`)
    .replaceAll(/^-I (\S+) 1 /gm, "-A $1 ")
    .replaceAll(/^\*(filter|nat)$/gm, "*$1\n:INPUT -\n:FORWARD -\n:OUTPUT -\n:PREROUTING -\n:POSTROUTING -");
}
