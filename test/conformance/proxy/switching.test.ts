import { describeSwitching } from "./describe-switching.ts";
import { iptablesLegacy, iptablesNft, nftables, userspace } from "./engines.ts";

describeSwitching([
  [nftables, iptablesNft],
  [iptablesNft, userspace],
  [userspace, iptablesLegacy],
  [iptablesLegacy, nftables],
  [nftables, userspace],
  [userspace, nftables],
  [nftables, iptablesLegacy],
]);
