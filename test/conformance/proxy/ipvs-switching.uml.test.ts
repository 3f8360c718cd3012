import { describeSwitching } from "./describe-switching.ts";
import { iptablesLegacy, ipvs } from "./engines.ts";

// The other engines need more of nftables than this kernel has.
describeSwitching([
  [iptablesLegacy, ipvs],
  [ipvs, iptablesLegacy],
]);
