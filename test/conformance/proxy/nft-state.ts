import { runProgram } from "../../../src/kernel/index.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * What nftables has of a table in both families, sorted, without what packets fill in and without chains that no rule and no element leads to
 * any more: those go a moment later.
 */
export async function nftState(namespace: string, table: string): Promise<string> {
  const families = await Promise.all(["ip", "ip6"].map((family) => familyState(namespace, family, table)));
  return families.join("\n");
}

async function familyState(namespace: string, family: string, table: string): Promise<string> {
  const tables = await runProgram(["nft", "list", "tables", family], { namespace });
  if (!tables.split("\n").includes(`table ${family} ${table}`)) return `${family}: none`;
  const text = await runProgram(["nft", "-j", "list", "table", family, table], { namespace });
  const { nftables } = JSON.parse(text, (key, value: unknown) => (key === "handle" ? undefined : value)) as {
    readonly nftables: readonly Json[];
  };
  const things = nftables.filter((entry) => !("metainfo" in entry));
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

function withoutElementsOfPackets(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("elem" in value) || !("name" in value)) return value;
  const { elem, ...rest } = value as {
    readonly elem: unknown;
    readonly name: unknown;
    readonly flags?: readonly string[];
  };
  if (rest.flags?.includes("dynamic") === true || !Array.isArray(elem)) return rest;
  return { ...rest, elements: elem.map((one) => JSON.stringify(one)).sort() };
}
