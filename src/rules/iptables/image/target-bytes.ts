import { ipFamily, ipToBytes } from "../../../core/index.ts";
import type { IpFamily } from "../../../core/index.ts";
import type { Target } from "../rule.ts";
import { extension, extensionHead, standardTargetSize, verdicts } from "./entry-layout.ts";

const standard = extension("", 0, standardTargetSize - extensionHead);
/** linux/netfilter/xt_mark.h: struct xt_mark_tginfo2. */
const mark = extension("MARK", 2, 8);
/** linux/netfilter/nf_nat.h: struct nf_nat_range2. */
const dnatFirstPortAt = 36;
const dnatLastPortAt = 38;
const mapAddress = 1;
const mapPort = 2;
const dnat = extension("DNAT", 2, 44, (data) => data.setUint32(0, mapAddress | mapPort, true));
const fullyRandom = 16;
/** linux/netfilter/nf_nat.h: struct nf_nat_ipv4_multi_range_compat with one range, and struct nf_nat_range. */
const masquerade: Readonly<Record<IpFamily, { readonly bytes: Uint8Array; readonly flagsAt: number }>> = {
  IPv4: { bytes: extension("MASQUERADE", 0, 20, (data) => data.setUint32(0, 1, true)), flagsAt: 4 },
  IPv6: { bytes: extension("MASQUERADE", 0, 40), flagsAt: 0 },
};
/** linux/netfilter_ipv4/ipt_REJECT.h, linux/netfilter_ipv6/ip6t_REJECT.h. */
const reject = extension("REJECT", 0, 4);
const answers: Readonly<Record<IpFamily, { readonly reject: number; readonly reset: number }>> = {
  IPv4: { reject: 3, reset: 7 },
  IPv6: { reject: 4, reset: 6 },
};

/** Length of a target in bytes; `undefined` when the bytes of such a target are not known here. */
export function targetSize(target: Target | undefined, family: IpFamily): number | undefined {
  switch (target?.kind) {
    case undefined:
    case "jump":
    case "accept":
    case "drop":
    case "return":
      return standard.length;
    case "reject":
    case "reset":
      return reject.length;
    case "dnat":
      return ipFamily(target.ip) === family ? dnat.length : undefined;
    case "masquerade":
      return masquerade[family].bytes.length;
    case "set-mark-bits":
    case "flip-mark-bits":
      return mark.length;
  }
}

/**
 * Writes a target whose size is known; `goesTo` is where a jump leads, or for a rule without a target where the next rule begins:
 * bytes from the start of the table.
 */
export function writeTarget(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  target: Target | undefined,
  { family, goesTo }: { readonly family: IpFamily; readonly goesTo: number },
): void {
  const data = at + extensionHead;
  switch (target?.kind) {
    case undefined:
    case "jump":
      bytes.set(standard, at);
      return view.setInt32(data, goesTo, true);
    case "accept":
    case "drop":
    case "return":
      bytes.set(standard, at);
      return view.setInt32(data, verdicts[target.kind], true);
    case "reject":
    case "reset":
      bytes.set(reject, at);
      return view.setUint32(data, answers[family][target.kind], true);
    case "dnat": {
      bytes.set(dnat, at);
      const address = ipToBytes(target.ip);
      bytes.set(address, data + 4);
      bytes.set(address, data + 20);
      // In the order of the network, unlike everything else.
      view.setUint16(data + dnatFirstPortAt, target.port);
      return view.setUint16(data + dnatLastPortAt, target.port);
    }
    case "masquerade": {
      const { bytes: whole, flagsAt } = masquerade[family];
      bytes.set(whole, at);
      return view.setUint32(data + flagsAt, target.randomly ? fullyRandom : 0, true);
    }
    case "set-mark-bits":
      bytes.set(mark, at);
      view.setUint32(data, target.bits, true);
      return view.setUint32(data + 4, target.bits, true);
    case "flip-mark-bits":
      bytes.set(mark, at);
      return view.setUint32(data, target.bits, true);
  }
}
