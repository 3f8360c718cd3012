import { openNft } from "../../../src/kernel/index.ts";
import { nftablesEngine } from "../../../src/proxy/index.ts";
import type { ProxyEngine, ProxyMode } from "../../../src/proxy/index.ts";

/** An engine that the suite tries with real packets. */
export interface EngineUnderTest {
  /** As tests are named: the mode, and its variant when there are several. */
  readonly name: string;
  readonly mode: ProxyMode;
  /** Opens it in the network namespace of a node (a path); called outside of it. */
  open(namespace: string): ProxyEngine;
}

export const nftables: EngineUnderTest = {
  name: "nftables",
  mode: "nftables",
  open: (namespace) => nftablesEngine({ rules: openNft({ namespace }) }),
};
