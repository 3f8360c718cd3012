import { runProgram } from "../../../src/kernel/index.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * What nftables has of a table in both families, sorted, without what packets fill in and without chains that no rule and no element leads to
 * any more: those go a moment later.
 */
export async function nftState(namespace: string, table: string): Promise<string> {
  const text = await runProgram(["nft", "-j", "list", "ruleset"], { namespace });
  const { nftables } = JSON.parse(text, (key, value: unknown) => (key === "handle" ? undefined : value)) as {
    readonly nftables: readonly Json[];
  };
  return ["ip", "ip6"].map((family) => familyState(nftables, family, table)).join("\n");
}

function familyState(nftables: readonly Json[], family: string, table: string): string {
  const things = nftables.filter((entry) =>
    Object.entries(entry).some(([kind, thing]) => {
      const { name, ...place } = thing as { readonly family?: string; readonly table?: string; readonly name?: string };
      return place.family === family && (kind === "table" ? name : place.table) === table;
    }),
  );
  const reached = reachedChains(things);
  return things
    .filter((entry) => reached.has(chainOf(entry) ?? ""))
    .map((entry) => JSON.stringify(entry, withoutElementsOfPackets))
    .sort()
    .join("\n");
}

/** Chains that packets can come to: from hooks, by jumps; and the empty name, for what is no chain. */
function reachedChains(things: readonly Json[]): ReadonlySet<string> {
  const reached = new Set([""]);
  for (const entry of things) {
    const { chain } = entry as { readonly chain?: { readonly name: string; readonly hook?: string } };
    if (chain?.hook !== undefined) reached.add(chain.name);
  }
  let size: number;
  do {
    size = reached.size;
    for (const entry of things) {
      const chain = chainOf(entry);
      if (chain !== undefined && !reached.has(chain)) continue;
      for (const [, target = ""] of JSON.stringify(entry).matchAll(/"(?:goto|jump)":\{"target":"([^"]+)"/g)) {
        reached.add(target);
      }
    }
  } while (reached.size > size);
  return reached;
}

function chainOf(entry: Json): string | undefined {
  const { chain, rule } = entry as {
    readonly chain?: { readonly name: string };
    readonly rule?: { readonly chain: string };
  };
  return chain?.name ?? rule?.chain;
}

interface JsonSet {
  readonly name: string;
  readonly elem: readonly unknown[];
  readonly flags?: readonly string[];
}

interface JsonKey {
  readonly elem: { readonly val: { readonly concat: readonly unknown[] } };
}

function withoutElementsOfPackets(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("elem" in value) || !Array.isArray(value.elem)) return value;
  const { elem, ...rest } = value as unknown as JsonSet;
  if (rest.flags?.includes("dynamic") === true) return rest;
  return { ...rest, elements: slotted.has(rest.name) ? bySlots(elem) : elem.map((one) => JSON.stringify(one)).sort() };
}

/** Maps whose keys end with a slot: which endpoint is in which slot of its list depends on what was there before. */
const slotted: ReadonlySet<string> = new Set(["endpoints", "sticky-slots"]);

/** For each list its slots and, apart from them, what stands in them. */
function bySlots(elements: readonly unknown[]): readonly string[] {
  const lists = new Map<string, { readonly slots: string[]; readonly values: string[] }>();
  for (const element of elements) {
    const [{ elem }, value] = element as readonly [JsonKey, unknown];
    const { concat } = elem.val;
    const slot = String(concat.at(-1));
    const key = JSON.stringify([...concat.slice(0, -1), listOf(slot)]);
    const list = lists.get(key) ?? { slots: [], values: [] };
    lists.set(key, list);
    list.slots.push(slot);
    list.values.push(JSON.stringify(value));
  }
  return [...lists]
    .map(([key, { slots, values }]) => `${key} ${slots.sort().join(" ")} ${values.sort().join(" ")}`)
    .sort();
}

/** Slots of policy Cluster begin at 0x10000, those of policy Local at 0x20000; some are written in two halves. */
function listOf(slot: string): string {
  return slot.includes(":") ? (slot.split(":")[0] ?? "") : `${Number(slot) >>> 16}`;
}
