import type { ChainDefinition, Element, SetDefinition, Statement } from "./statement.ts";

/** One set or map with its elements, by their keys. */
export interface TableSet {
  readonly definition: SetDefinition;
  readonly elements: ReadonlyMap<string, Element>;
}

/** What one table holds, as the packets meet it. */
export interface TableState {
  readonly sets: ReadonlyMap<string, TableSet>;
  readonly chains: ReadonlyMap<string, ChainDefinition>;
}

/** A table without anything. */
export const emptyTable: TableState = { sets: new Map(), chains: new Map() };

/** The table after these statements, taken in order. Statements about sets that are not there do nothing. */
export function applyStatements(statements: readonly Statement[], before: TableState = emptyTable): TableState {
  const sets = new Map(before.sets);
  const chains = new Map(before.chains);
  const change = (name: string, edit: (elements: Map<string, Element>) => void): void => {
    const set = sets.get(name);
    if (set === undefined) return;
    const elements = new Map(set.elements);
    edit(elements);
    sets.set(name, { definition: set.definition, elements });
  };
  for (const statement of statements) {
    switch (statement.kind) {
      case "add-table":
        break;
      case "delete-table":
        sets.clear();
        chains.clear();
        break;
      case "add-set":
        if (!sets.has(statement.set.name))
          sets.set(statement.set.name, { definition: statement.set, elements: new Map() });
        break;
      case "flush-set":
        change(statement.set, (elements) => elements.clear());
        break;
      case "set-chain":
        chains.set(statement.chain.name, statement.chain);
        break;
      case "delete-chain":
        chains.delete(statement.chain);
        break;
      case "add-elements":
        change(statement.set, (elements) =>
          statement.elements.forEach((element) => elements.set(element.key, element)),
        );
        break;
      case "delete-elements":
        change(statement.set, (elements) => statement.elements.forEach(({ key }) => elements.delete(key)));
        break;
    }
  }
  return { sets, chains };
}
