import type { Transaction } from "../../model/index.ts";
import { joinScripts } from "./statement.ts";
import type { Script } from "./statement.ts";

/** What several tables need, as one transaction. */
export function joinTransactions(transactions: readonly Transaction<Script>[]): Transaction<Script> {
  const [first] = transactions;
  if (transactions.length === 1 && first !== undefined) return first;
  return {
    script: joinScripts(transactions.map(({ script }) => script)),
    isEmpty: transactions.every(({ isEmpty }) => isEmpty),
    get size() {
      return transactions.reduce((sum, { size }) => sum + size, 0);
    },
    commit: () => transactions.forEach((transaction) => transaction.commit()),
  };
}
