import { parseCidr, cidrContains } from "../core/index.ts";
import type { Ip, IpFamily } from "../core/index.ts";
import { setName } from "../rules/ipvs/index.ts";
import type { IpvsState, Member } from "../rules/ipvs/index.ts";
import { isLocal } from "./kernel-walk.ts";
import type { Flow } from "./kernel-walk.ts";

/** What a rule around IPVS does with a packet that it applies to. */
export type IpvsTarget =
  | { readonly kind: "jump"; readonly chain: string }
  | { readonly kind: "drop" | "return" | "masquerade" | "reset" | "reject" }
  | { readonly kind: "mark"; readonly value: number; readonly mask: number }
  /** The packet's mark becomes that of the element that it finds. */
  | { readonly kind: "map-mark"; readonly set: string; readonly fields: string };

/** A rule in iptables' words, made ready for walking. */
export interface IpvsRule {
  readonly text: string;
  readonly target: IpvsTarget;
  applies(flow: Flow, sets: SetIndex): boolean;
}

type Test = (flow: Flow, sets: SetIndex) => boolean;

/** Reads a rule such as stands behind `-A CHAIN`; throws for words that the rules of this program do not have. */
export function readIpvsRule(text: string): IpvsRule {
  const words = text.split(" ");
  const tests: Test[] = [];
  let target: IpvsTarget | undefined;
  let negated = false;
  const take = (): string => words.shift() ?? "";
  const test = (check: Test): void => {
    const not = negated;
    negated = false;
    tests.push((flow, sets) => check(flow, sets) !== not);
  };
  while (words.length > 0) {
    const word = take();
    switch (word) {
      case "!":
        negated = true;
        break;
      case "-m":
        take();
        break;
      case "--match-set": {
        const [set, fields] = [take(), take()];
        test((flow, sets) => sets.find(set, fields, flow) !== undefined);
        break;
      }
      case "--ctstate":
        take();
        test(() => true);
        break;
      case "--dst-type":
        take();
        test((flow) => isLocal(flow.node, flow.destination));
        break;
      case "--mark": {
        const [value = 0, mask = 0xffff_ffff] = take().split("/").map(Number);
        test((flow) => (flow.mark & mask) >>> 0 === value);
        break;
      }
      case "-p": {
        const protocol = take();
        test((flow) => flow.packet.protocol.toLowerCase() === protocol);
        break;
      }
      case "-i": {
        const name = take();
        test(({ link }) => (name.endsWith("+") ? link.startsWith(name.slice(0, -1)) : link === name));
        break;
      }
      case "-j":
        target = readTarget(words.splice(0));
        break;
      default:
        throw new Error(`a rule around IPVS has the word ${word}, which nobody can read: ${text}`);
    }
  }
  if (target === undefined) throw new Error(`a rule around IPVS has no target: ${text}`);
  return { text, target, applies: (flow, sets) => tests.every((check) => check(flow, sets)) };
}

function readTarget([name = "", ...words]: readonly string[]): IpvsTarget {
  switch (name) {
    case "DROP":
      return { kind: "drop" };
    case "RETURN":
      return { kind: "return" };
    case "MASQUERADE":
      return { kind: "masquerade" };
    case "REJECT":
      return { kind: words.includes("tcp-reset") ? "reset" : "reject" };
    case "MARK": {
      const [value = 0, mask = 0] = (words[1] ?? "").split("/").map(Number);
      return { kind: "mark", value, mask };
    }
    case "SET":
      return { kind: "map-mark", set: words[1] ?? "", fields: words[2] ?? "" };
    default:
      return { kind: "jump", chain: name };
  }
}

/** The sets of one family, made ready for looking up. */
export class SetIndex {
  readonly #sets = new Map<string, { readonly exact: Map<string, Member>; readonly ranges: Member[] }>();

  constructor(family: IpFamily, { members }: IpvsState) {
    for (const member of members.values()) {
      if (member.family !== family) continue;
      const name = setName(member.set, family);
      const set = this.#sets.get(name) ?? { exact: new Map<string, Member>(), ranges: [] };
      this.#sets.set(name, set);
      if (member.element.includes("/")) set.ranges.push(member);
      else set.exact.set(member.element, member);
    }
  }

  /** The element that the packet finds; `fields` are those of `--match-set`: `dst,dst,src`. */
  find(name: string, fields: string, flow: Flow): Member | undefined {
    const set = this.#sets.get(name);
    if (set === undefined) return undefined;
    const parts = fields.split(",").map((side, i) => partOf(side, i, flow));
    return set.exact.get(parts.join(",")) ?? set.ranges.find(({ element }) => holds(element.split(","), parts));
  }
}

/** First and third parts of elements are addresses, second ones protocols and ports. */
function partOf(side: string, place: number, { packet, source, destination, destinationPort }: Flow): string {
  if (place === 1) return `${packet.protocol.toLowerCase()}:${destinationPort}`;
  return side === "src" ? source : destination;
}

function holds(element: readonly string[], parts: readonly string[]): boolean {
  return element.every((constant, i) => {
    const part = parts[i] ?? "";
    const range = constant.includes("/") ? parseCidr(constant) : undefined;
    return range === undefined ? constant === part : cidrContains(range, part as Ip);
  });
}
