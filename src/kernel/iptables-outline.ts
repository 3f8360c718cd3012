/** What a table has, as far as somebody must know who writes into it. */
export interface TableOutline {
  readonly chains: readonly string[];
  /** Rules as listed (`-A CHAIN ...`), in chains not named KUBE-..., that name a chain KUBE-... */
  readonly references: readonly string[];
}

/** Reads the output of iptables-save piece by piece, and keeps only the outline: with 50,000 Services the rest is 60 MB. */
export function outlineReader(): {
  read(piece: string): void;
  readonly tables: ReadonlyMap<string, TableOutline>;
} {
  const tables = new Map<string, { readonly chains: string[]; readonly references: string[] }>();
  let table = { chains: [] as string[], references: [] as string[] };
  let rest = "";
  const line = (text: string): void => {
    if (text.startsWith(":")) table.chains.push(text.slice(1, text.indexOf(" ")));
    else if (text.startsWith("*")) {
      const name = text.slice(1);
      table = tables.get(name) ?? { chains: [], references: [] };
      tables.set(name, table);
    } else if (text.startsWith("-A ") && !text.startsWith("-A KUBE-") && text.includes(" KUBE-")) {
      table.references.push(text);
    }
  };
  return {
    read(piece) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(line);
    },
    tables,
  };
}
