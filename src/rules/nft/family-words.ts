import type { IpFamily } from "../../core/index.ts";
import { and, concat, field } from "./expression.ts";
import type { Expression } from "./expression.ts";

/** The expressions that differ between the tables of the two families. */
export interface FamilyWords {
  readonly source: Expression;
  readonly destination: Expression;
  /** What an entry is found by: destination address, protocol and port. */
  readonly entry: Expression;
  /** The same for node ports: the zero address stands for every address of the node. */
  readonly nodePortEntry: Expression;
  /** The entries with the client's address. Addresses come before ports: nft 1.0.6 cannot read other orders back. */
  readonly client: Expression;
  readonly nodePortClient: Expression;
  /** What a pod that reaches itself is found by after DNAT. */
  readonly hairpin: Expression;
  readonly anyAddress: string;
}

const words: Readonly<Record<IpFamily, FamilyWords>> = {
  IPv4: wordsOf("ip", "0.0.0.0"),
  IPv6: wordsOf("ip6", "::"),
};

function wordsOf(protocol: "ip" | "ip6", anyAddress: string): FamilyWords {
  const source = field(`${protocol} saddr`);
  const destination = field(`${protocol} daddr`);
  const onNode = and(destination, anyAddress);
  const rest = concat(field("meta l4proto"), field("th dport"));
  return {
    source,
    destination,
    entry: concat(destination, rest),
    nodePortEntry: concat(onNode, rest),
    client: concat(destination, source, rest),
    nodePortClient: concat(onNode, source, rest),
    hairpin: concat(source, destination, rest),
    anyAddress,
  };
}

/** The words of a family. */
export function familyWords(family: IpFamily): FamilyWords {
  return words[family];
}
