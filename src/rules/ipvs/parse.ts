import { ipFamilies, parseIp } from "../../core/index.ts";
import type { Ip, Port, Protocol } from "../../core/index.ts";
import { flagNames, protocolOptions } from "./render.ts";
import { setName } from "./statement.ts";
import type { AddressKey, Member, ServerKey, SetName, Statement } from "./statement.ts";

/** Reads what `ipvsadm -S -n` lists: virtual servers and their destinations. Lines that say anything else are passed over. */
export function parseIpvsadm(text: string): readonly Statement[] {
  return text.split("\n").flatMap((line) => parseLine(line.trim().split(/\s+/)) ?? []);
}

function parseLine([command = "", option = "", place = "", ...rest]: readonly string[]): Statement | undefined {
  const server: ServerKey | undefined =
    option === "-f" ? { mark: Number(place), family: rest.includes("-6") ? "IPv6" : "IPv4" } : parseKey(option, place);
  if (server === undefined) return undefined;
  const value = (name: string): string | undefined => {
    const at = rest.indexOf(name);
    return at < 0 ? undefined : rest[at + 1];
  };
  if (command === "-A" || command === "-E") {
    const scheduler = value("-s") ?? "wlc";
    const seconds = value("-p");
    const names = (value("-b") ?? "").split(",");
    return {
      kind: command === "-A" ? "add-server" : "edit-server",
      server: {
        ...server,
        scheduler,
        flags: ([1, 2, 3] as const).filter((flag) =>
          names.includes(`${scheduler}-${flagNames[flag - 1] ?? `flag-${flag}`}`),
        ),
        ...(seconds === undefined ? {} : { persistenceSeconds: Number(seconds) }),
      },
    };
  }
  const target = parsePlace(value("-r") ?? "");
  if (target === undefined || (command !== "-a" && command !== "-e" && command !== "-d")) return undefined;
  const kinds = { "-a": "add-destination", "-e": "edit-destination", "-d": "delete-destination" } as const;
  return { kind: kinds[command], server, destination: { ...target, weight: Number(value("-w") ?? 1) } };
}

function parseKey(option: string, place: string): AddressKey | undefined {
  const protocol = (Object.keys(protocolOptions) as Protocol[]).find((name) => protocolOptions[name] === option);
  const found = parsePlace(place);
  return protocol === undefined || found === undefined ? undefined : { protocol, ...found };
}

function parsePlace(text: string): { readonly ip: Ip; readonly port: Port } | undefined {
  const match = /^\[?([0-9a-fA-F.:]+?)\]?:(\d+)$/.exec(text);
  const ip = parseIp(match?.[1] ?? "");
  return ip === undefined ? undefined : { ip, port: Number(match?.[2]) };
}

const setNames: readonly SetName[] = [
  "SERVICES",
  "VIPS",
  "CLUSTER-IPS",
  "MASQUERADE",
  "REFUSED",
  "DROPPED",
  "SHORT-CIRCUITS",
  "GUARDED",
  "SOURCES",
  "LOOPBACK",
  "RANGES",
  "LOCAL",
];

/** A set as the kernel lists it. */
export interface ListedSet {
  readonly name: string;
  readonly elements: readonly Omit<Member, "set" | "family">[];
}

/** The elements of those of the sets that are of this project. */
export function membersOf(sets: readonly ListedSet[]): readonly Member[] {
  return sets.flatMap(({ name, elements }) => {
    const set = known.get(name);
    return set === undefined ? [] : elements.map((element) => ({ ...set, ...element }));
  });
}

const known: ReadonlyMap<string, Pick<Member, "set" | "family">> = new Map(
  ipFamilies.flatMap((family) => setNames.map((set) => [setName(set, family), { set, family }] as const)),
);

/** The sets of this project that `ipset save` lists, and the elements in them. Sets of others are passed over. */
export function parseIpset(text: string): { readonly sets: readonly string[]; readonly members: readonly Member[] } {
  const sets: string[] = [];
  const members: Member[] = [];
  for (const line of text.split("\n")) {
    const [, command, name = "", rest = ""] = /^(create|add) (\S+) (.*)$/.exec(line) ?? [];
    const set = known.get(name);
    if (set === undefined) continue;
    if (command === "create") {
      sets.push(name);
      continue;
    }
    const [element = ""] = rest.split(" ", 1);
    const comment = / comment "([^"]*)"/.exec(rest)?.[1];
    const mark = / skbmark (0x[0-9a-f]+)/.exec(rest)?.[1];
    members.push({
      ...set,
      element,
      ...(mark === undefined ? {} : { mark: Number(mark) }),
      ...(comment === undefined ? {} : { comment }),
    });
  }
  return { sets, members };
}
