import { execFileSync } from "node:child_process";
import { beforeEach, describe, expect, it } from "vitest";
import { cidr } from "../../../core/index.ts";
import type { IpFamily } from "../../../core/index.ts";
import { editTable, inNamespace, inTurns, libc, NativeMemory, runProgram } from "../../../kernel/index.ts";
import type { EditResult } from "../../../kernel/index.ts";
import { nodeNetwork } from "../../../model/index.ts";
import type { NodeNetwork } from "../../../model/index.ts";
import { goldenPlans } from "../../../../test/support/golden-plans.ts";
import { scriptText } from "../../../../test/support/iptables-script.ts";
import { testNamespaces } from "../../../../test/support/test-namespaces.ts";
import { IptablesBook } from "../iptables-book.ts";
import { entryLayouts } from "./entry-layout.ts";
import type { FamilyScript, IptablesScript } from "../script.ts";
import type { TableImage } from "./table-image.ts";

const newNamespace = testNamespaces();
const usual = nodeNetwork({
  serviceCidrs: [cidr("10.96.0.0/16"), cidr("fd00:96::/108")],
  localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24"), cidr("fd00:244::/64")] },
  localhostNodePorts: true,
});
const networks: Readonly<Record<string, NodeNetwork>> = {
  usual,
  "with several networks": nodeNetwork({
    localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24"), cidr("10.245.1.0/24")] },
    masqueradeBit: 20,
    nodePortAddresses: [cidr("192.168.100.0/24"), cidr("fd00:64::/61")],
  }),
  "with links": nodeNetwork({ localTraffic: { kind: "interface-prefix", prefix: "veth" } }),
  "with a bridge": nodeNetwork({ localTraffic: { kind: "bridge", name: "cni0" } }),
};
const families: readonly IpFamily[] = ["IPv4", "IPv6"];
const tables = ["mangle", "filter", "nat"];

function bookOf(network: NodeNetwork): IptablesBook {
  const book = new IptablesBook();
  book.setNetwork(network);
  return book;
}

/** Each entry, as words. */
function entriesOf(bytes: Uint8Array, family: IpFamily): readonly string[] {
  const view = new DataView(bytes.buffer);
  const entries: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint16(at + entryLayouts[family].nextOffsetAt, true);
    expect(length).toBeGreaterThan(0);
    const hex = Buffer.from(bytes.subarray(at, at + length)).toString("hex");
    entries.push(`${at}: ${hex.replaceAll(/.{16}/g, "$& ")}`);
    at += length;
  }
  return entries;
}

/** The tables of a new namespace. */
class Tables {
  readonly path = newNamespace();
  readonly #sockets = new Map<IpFamily, number>();
  readonly #memory = new NativeMemory(0);

  /** By the tool, run by run. */
  async byTool(script: IptablesScript): Promise<void> {
    for (const part of scriptText(script).split(/^# (?=ip)/m)) {
      const [program = "", ...lines] = part.split("\n");
      if (program === "") continue;
      const [name, action] = program.split("-");
      const argv = [`${name}-legacy-${action}`, "-w", "--noflush", "--counters"] as const;
      await runProgram([...argv], { namespace: this.path, input: lines.join("\n") });
    }
  }

  /** Without it; all steps have to succeed. `meanwhile` is called between the reading and the writing of each table. */
  async bySteps(script: IptablesScript, meanwhile: () => void = () => undefined): Promise<void> {
    for (const { kind } of await this.results(script, meanwhile)) expect(kind).toBe("written");
  }

  async results({ families: scripts }: IptablesScript, meanwhile: () => void = () => undefined) {
    const results: EditResult[] = [];
    for (const script of scripts) results.push(...(await this.#take(script, meanwhile)));
    return results;
  }

  async #take(script: FamilyScript, meanwhile: () => void): Promise<readonly EditResult[]> {
    const { family } = script;
    const steps = script.steps === undefined ? undefined : await inTurns(script.steps());
    expect(steps).toBeDefined();
    const results: EditResult[] = [];
    for (const step of steps ?? []) {
      const interrupted = (image: TableImage): ReturnType<typeof step.edit> => {
        meanwhile();
        return step.edit(image);
      };
      results.push(await editTable(this.#place(family), step.table, interrupted));
    }
    return results;
  }

  restore(family: IpFamily, input: string): Promise<string> {
    const program = `${family === "IPv4" ? "iptables" : "ip6tables"}-legacy-restore`;
    return runProgram([program, "-w", "--counters"], { namespace: this.path, input });
  }

  addRule(...args: readonly string[]): void {
    inNamespace(this.path, () => execFileSync("iptables-legacy", ["-w", ...args]));
  }

  /** Everything that the kernel has of a table: numbers, entries. */
  async content(family: IpFamily, table: string): Promise<unknown> {
    let content: unknown;
    // oxlint-disable-next-line require-yield
    await editTable(this.#place(family), table, function* ({ memory, ...numbers }) {
      content = { ...numbers, entries: entriesOf(memory.bytes.slice(0, numbers.size), family) };
      return undefined;
    });
    return content;
  }

  async all(): Promise<unknown> {
    const contents: unknown[] = [];
    for (const family of families) for (const table of tables) contents.push(await this.content(family, table));
    return contents;
  }

  save(family: IpFamily, ...args: readonly string[]): Promise<string> {
    const program = `${family === "IPv4" ? "iptables" : "ip6tables"}-legacy-save`;
    return runProgram([program, ...args], { namespace: this.path });
  }

  close(): void {
    this.#memory.free();
    for (const socket of this.#sockets.values()) libc().close(socket);
  }

  #place(family: IpFamily): Parameters<typeof editTable>[0] {
    return { socket: this.#socket(family), family, memory: this.#memory };
  }

  #socket(family: IpFamily): number {
    const open = () => libc().socket(family === "IPv4" ? 2 : 10, 2 | 0x80000, 0);
    const socket = this.#sockets.get(family) ?? inNamespace(this.path, open);
    this.#sockets.set(family, socket);
    return socket;
  }
}

describe("changes of legacy tables as bytes", () => {
  let byTool: Tables;
  let bySteps: Tables;

  beforeEach(() => {
    byTool = new Tables();
    bySteps = new Tables();
    return () => {
      byTool.close();
      bySteps.close();
    };
  });

  it.each(Object.keys(networks))(
    "give the kernel the same bytes as the tool does, for a network that is %s",
    async (name) => {
      const book = bookOf(networks[name] ?? usual);
      for (const [service, plans] of goldenPlans) book.want(service, plans);
      await byTool.byTool(book.full().script);
      await bySteps.bySteps(book.full().script);
      const expected = await byTool.all();
      expect(await bySteps.all()).toEqual(expected);
      // Over what is there, it makes no difference.
      await bySteps.bySteps(book.full().script);
      expect(await bySteps.all()).toEqual(expected);
    },
  );

  it("give the kernel the same bytes as the tool does, Service by Service", async () => {
    const book = bookOf(usual);
    const take = async (service: string): Promise<void> => {
      const change = book.changes([service]);
      await byTool.byTool(change.script);
      await bySteps.bySteps(change.script);
      change.commit();
      for (const family of families) {
        for (const table of tables) {
          const content = [service, await bySteps.content(family, table)];
          expect(content).toEqual([service, await byTool.content(family, table)]);
        }
      }
    };
    const full = book.full();
    await byTool.byTool(full.script);
    await bySteps.bySteps(full.script);
    full.commit();
    for (const [service, plans] of goldenPlans) {
      book.want(service, plans);
      await take(service);
    }
    for (const [service] of goldenPlans) {
      book.want(service, []);
      await take(service);
    }
  });

  it("leave what others have, with its counters, and what stays of ours with its", async () => {
    await byTool.restore("IPv4", theirs);
    await bySteps.restore("IPv4", theirs);
    const book = bookOf(usual);
    const web = goldenPlans.get("tour/web") ?? [];
    book.want("tour/web", web);
    const full = book.full();
    await byTool.bySteps(full.script);
    await bySteps.bySteps(full.script);
    full.commit();
    for (const line of theirs.match(/^\[.*THEIRS.*$/gm) ?? []) expect(await bySteps.save("IPv4", "-c")).toContain(line);
    // Nobody wants this chain of a former Service any more, but one of their rules leads to it.
    expect(await bySteps.save("IPv4")).toContain(`-A THEIRS -s 10.9.0.0/16 -j ${stale}`);
    expect(await bySteps.save("IPv4")).not.toContain(`-A ${stale}`);
    expect(await bySteps.save("IPv4")).not.toContain("KUBE-SEP-AAAAAAAAAAAAAAAA");
    // Counters of everything, as if there had been packets.
    const counted = (await bySteps.save("IPv4", "-c")).replaceAll("[0:0]", "[7:700]");
    await byTool.restore("IPv4", counted);
    await bySteps.restore("IPv4", counted);
    book.want("tour/web", web.slice(1));
    const { script } = book.changes(["tour/web"]);
    await byTool.byTool(script);
    await bySteps.bySteps(script);
    expect(uncommented(await bySteps.save("IPv4", "-c"))).toEqual(uncommented(await byTool.save("IPv4", "-c")));
  });

  it("are made once more when somebody else changes the table meanwhile", async () => {
    const { script } = bookOf(usual).full();
    let attempts = 0;
    await bySteps.bySteps(script, () => {
      if (++attempts === 1) bySteps.addRule("-t", "mangle", "-A", "FORWARD", "-s", "10.9.0.9", "-j", "RETURN");
    });
    expect(attempts).toBeGreaterThan(1);
    const saved = await bySteps.save("IPv4");
    expect(saved).toContain("-A FORWARD -s 10.9.0.9/32 -j RETURN");
    expect(saved).toContain(":KUBE-PROXY-CANARY");
  });

  it("leave a table alone that is not what they expect", async () => {
    const book = bookOf(usual);
    const full = book.full();
    await bySteps.bySteps(full.script);
    full.commit();
    const before = await bySteps.all();
    book.want("tour/web", goldenPlans.get("tour/web") ?? []);
    const written = book.changes(["tour/web"]);
    await bySteps.bySteps(written.script);
    written.commit();
    book.want("tour/web", []);
    const { script } = book.changes(["tour/web"]);
    await bySteps.bySteps(full.script);
    expect(await bySteps.all()).toEqual(before);
    expect(await bySteps.results(script)).toContainEqual({ kind: "impossible" });
    expect(await bySteps.all()).toEqual(before);
  });
});

const stale = "KUBE-SVC-AAAAAAAAAAAAAAAA";
const theirs = `*nat
:ATHEIRS - [0:0]
:THEIRS - [0:0]
:ZTHEIRS - [0:0]
:${stale} - [0:0]
:KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]
[3:300] -A PREROUTING -j THEIRS
[4:400] -A THEIRS -s 10.9.0.0/16 -j ${stale}
[5:500] -A THEIRS -p tcp -m multiport --dports 80,443 -g ZTHEIRS
[6:600] -A ZTHEIRS -m comment --comment THEIRS
[7:700] -A ATHEIRS -j ZTHEIRS
-A ${stale} -j KUBE-SEP-AAAAAAAAAAAAAAAA
COMMIT
`;

/** What is listed, without the policies: the tool forgets what they counted. */
function uncommented(text: string): readonly string[] {
  return text.split("\n").filter((line) => !/^(?:#|:[A-Z]+ ACCEPT )/.test(line));
}
