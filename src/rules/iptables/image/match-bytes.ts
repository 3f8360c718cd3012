import { extension, extensionHead, writeText } from "./entry-layout.ts";
import type { Match, RuleProtocol } from "../rule.ts";

/** A match that is an extension of the kernel. */
export type ExtensionMatch = Exclude<Match, HeadMatch>;

/** A match that is a field in the head of an entry. */
export type HeadMatch = Extract<Match, { readonly kind: "source" | "destination" | "in-interface" }>;

/** Whether a match is a field in the head of an entry. */
export function isInHead(match: Match): match is HeadMatch {
  return match.kind === "source" || match.kind === "destination" || match.kind === "in-interface";
}

// Names, revisions and structures are those that iptables 1.8 chooses on kernels from 4.18 on; `image.kernel.test.ts` compares.

/** linux/netfilter/xt_comment.h: struct xt_comment_info. */
const comment = extension("comment", 0, 256);
/** linux/netfilter/xt_conntrack.h: struct xt_conntrack_mtinfo3. */
const conntrackFlagsAt = 146;
const conntrackInvertAt = 148;
const conntrackStatesAt = 150;
const conntrackState = 1;
const conntrack = extension("conntrack", 3, 164, (data) => data.setUint16(conntrackFlagsAt, conntrackState, true));
const stateBits: Readonly<Record<string, number>> = {
  INVALID: 1,
  ESTABLISHED: 2,
  RELATED: 4,
  NEW: 8,
  SNAT: 64,
  DNAT: 128,
};
/** linux/netfilter/xt_addrtype.h: struct xt_addrtype_info_v1. */
const addrtype = extension("addrtype", 1, 8);
const localType = 4;
/** linux/netfilter/xt_mark.h: struct xt_mark_mtinfo1. */
const mark = extension("mark", 1, 12);
/** linux/netfilter/xt_statistic.h: struct xt_statistic_info. */
const statistic = extension("statistic", 0, 24);
/** linux/netfilter/xt_recent.h: struct xt_recent_mtinfo_v1, with the mask of a single address. */
const recentCheckAt = 8;
const recentNameAt = 10;
const recentMaskAt = 212;
const recent = extension("recent", 1, 228, (_data, bytes) => bytes.fill(255, recentMaskAt, recentMaskAt + 16));
const recentNameSize = 200;
const recentCheck = 1;
const recentSet = 2;
const recentReap = 32;

interface PortMatch {
  readonly number: number;
  readonly bytes: Uint8Array;
  /** Where the range of destination ports is. */
  readonly portsAt: number;
}

/** Every port; source ports come first. linux/netfilter/xt_tcpudp.h */
function everyPort(data: DataView): void {
  data.setUint16(2, 65535, true);
  data.setUint16(6, 65535, true);
}

/** The four places for flags of chunks name no chunk. */
function anyChunk(data: DataView): void {
  for (let i = 0; i < 4; i++) data.setUint8(268 + 3 * i, 255);
}

const protocols: Readonly<Record<RuleProtocol, PortMatch>> = {
  tcp: { number: 6, bytes: extension("tcp", 0, 12, everyPort), portsAt: 4 },
  udp: { number: 17, bytes: extension("udp", 0, 10, everyPort), portsAt: 4 },
  // linux/netfilter/xt_sctp.h: struct xt_sctp_info, where destination ports come first, and only count with a flag.
  sctp: { number: 132, bytes: extension("sctp", 0, 292, anyChunk), portsAt: 0 },
};
const sctpFlagsAt = 284;
const sctpDestination = 2;

/** The number of a protocol in the head of a packet. */
export function protocolNumber(protocol: RuleProtocol): number {
  return protocols[protocol].number;
}

/** Length of a match in bytes; `undefined` when the bytes of such a match are not known here. */
export function matchSize(match: ExtensionMatch): number | undefined {
  switch (match.kind) {
    case "comment":
      return match.text.length < 256 && isAscii(match.text) ? comment.length : undefined;
    case "connection-state":
      return match.states.every((state) => state in stateBits) ? conntrack.length : undefined;
    case "local-address":
      return addrtype.length;
    case "mark":
      return mark.length;
    case "random":
      return match.probability > 0 && match.probability <= 1 ? statistic.length : undefined;
    case "every":
      return isCount(match.packets) ? statistic.length : undefined;
    case "recently-seen":
      return isCount(match.seconds) && isListName(match.list) ? recent.length : undefined;
    case "remember-source":
      return isListName(match.list) ? recent.length : undefined;
    case "protocol":
      return protocols[match.protocol].bytes.length;
  }
}

/** Writes a match whose size is known. */
export function writeMatch(view: DataView, bytes: Uint8Array, at: number, match: ExtensionMatch): void {
  const data = at + extensionHead;
  switch (match.kind) {
    case "comment":
      bytes.set(comment, at);
      return writeText(bytes, data, match.text);
    case "connection-state": {
      bytes.set(conntrack, at);
      if (match.not === true) view.setUint16(data + conntrackInvertAt, conntrackState, true);
      const states = match.states.reduce((bits, state) => bits | (stateBits[state] ?? 0), 0);
      return view.setUint16(data + conntrackStatesAt, states, true);
    }
    case "local-address": {
      const isSource = match.side === "source";
      bytes.set(addrtype, at);
      view.setUint16(isSource ? data : data + 2, localType, true);
      return view.setUint32(data + 4, match.not === true ? (isSource ? 1 : 2) : 0, true);
    }
    case "mark":
      bytes.set(mark, at);
      view.setUint32(data, match.bits, true);
      view.setUint32(data + 4, match.bits, true);
      bytes[data + 8] = match.not === true ? 1 : 0;
      return;
    case "random": {
      bytes.set(statistic, at);
      // As precise as the text that the tool is given.
      const share = Math.round(Number(match.probability.toFixed(10)) * 2 ** 31);
      view.setUint32(data + 4, share, true);
      // Of no meaning here, but the tool sets it.
      return view.setUint32(data + 12, share, true);
    }
    case "every":
      bytes.set(statistic, at);
      view.setUint16(data, 1, true);
      view.setUint32(data + 4, match.packets - 1, true);
      return view.setUint32(data + 12, match.packets - 1, true);
    case "recently-seen":
      bytes.set(recent, at);
      view.setUint32(data, match.seconds, true);
      bytes[data + recentCheckAt] = recentCheck | recentReap;
      return writeText(bytes, data + recentNameAt, match.list);
    case "remember-source":
      bytes.set(recent, at);
      bytes[data + recentCheckAt] = recentSet;
      return writeText(bytes, data + recentNameAt, match.list);
    case "protocol": {
      const { bytes: any, portsAt } = protocols[match.protocol];
      bytes.set(any, at);
      if (match.destinationPort === undefined) return;
      view.setUint16(data + portsAt, match.destinationPort, true);
      view.setUint16(data + portsAt + 2, match.destinationPort, true);
      if (match.protocol === "sctp") view.setUint32(data + sctpFlagsAt, sctpDestination, true);
    }
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) - 1 >= 127) return false;
  return true;
}

function isListName(text: string): boolean {
  return text.length > 0 && text.length < recentNameSize && isAscii(text);
}

function isCount(number: number): boolean {
  return Number.isInteger(number) && number > 0 && number < 2 ** 32;
}
