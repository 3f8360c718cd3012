import type { IpFamily } from "../../core/index.ts";

/** The expressions that differ between the tables of the two families. */
export interface FamilyWords {
  readonly source: string;
  readonly destination: string;
  /** What an entry is found by: destination address, protocol and port. */
  readonly entry: string;
  /** The same for node ports: the zero address stands for every address of the node. */
  readonly nodePortEntry: string;
  /** The entries with the client's address. Addresses come before ports: nft 1.0.6 cannot read other orders back. */
  readonly client: string;
  readonly nodePortClient: string;
  readonly anyAddress: string;
}

const words: Readonly<Record<IpFamily, FamilyWords>> = {
  IPv4: wordsOf("ip", "0.0.0.0"),
  IPv6: wordsOf("ip6", "::"),
};

function wordsOf(protocol: "ip" | "ip6", anyAddress: string): FamilyWords {
  const rest = "meta l4proto . th dport";
  return {
    source: `${protocol} saddr`,
    destination: `${protocol} daddr`,
    entry: `${protocol} daddr . ${rest}`,
    nodePortEntry: `${protocol} daddr & ${anyAddress} . ${rest}`,
    client: `${protocol} daddr . ${protocol} saddr . ${rest}`,
    nodePortClient: `${protocol} daddr & ${anyAddress} . ${protocol} saddr . ${rest}`,
    anyAddress,
  };
}

/** The words of a family. */
export function familyWords(family: IpFamily): FamilyWords {
  return words[family];
}
