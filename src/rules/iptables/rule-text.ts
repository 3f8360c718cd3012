import { ipFamily } from "../../core/index.ts";
import type { Ip, Port } from "../../core/index.ts";
import type { Match, Rule, Target } from "./rule.ts";

/** The rule as `iptables` takes it behind `-A CHAIN`, matches in the order they have. */
export function ruleText({ matches, target }: Rule): string {
  let text = "";
  for (const match of matches) text += ` ${matchText(match)}`;
  return (target === undefined ? text : `${text} -j ${targetText(target)}`).slice(1);
}

function matchText(match: Match): string {
  switch (match.kind) {
    case "source":
      return `${notText(match)}-s ${match.network}`;
    case "destination":
      return `${notText(match)}-d ${match.network}`;
    case "in-interface":
      return `${notText(match)}-i ${match.name}`;
    case "protocol": {
      const { protocol, destinationPort } = match;
      const port = destinationPort === undefined ? "" : ` --dport ${destinationPort}`;
      return `-m ${protocol} -p ${protocol}${port}`;
    }
    case "comment":
      return `-m comment --comment ${quoted(match.text)}`;
    case "connection-state":
      return `-m conntrack ${notText(match)}--ctstate ${match.states.join(",")}`;
    case "local-address":
      return `-m addrtype ${notText(match)}--${match.side === "source" ? "src" : "dst"}-type LOCAL`;
    case "mark":
      return `-m mark ${notText(match)}--mark ${hex(match.bits)}/${hex(match.bits)}`;
    case "random":
      return `-m statistic --mode random --probability ${match.probability.toFixed(10)}`;
    case "every":
      return `-m statistic --mode nth --every ${match.packets} --packet 0`;
    case "recently-seen":
      return `-m recent --name ${match.list} --rcheck --seconds ${match.seconds} --reap`;
    case "remember-source":
      return `-m recent --name ${match.list} --set`;
  }
}

function targetText(target: Target): string {
  switch (target.kind) {
    case "jump":
      return target.chain;
    case "accept":
    case "drop":
    case "reject":
    case "return":
      return target.kind.toUpperCase();
    case "reset":
      return "REJECT --reject-with tcp-reset";
    case "dnat":
      return `DNAT --to-destination ${socketText(target.ip, target.port)}`;
    case "masquerade":
      return target.randomly ? "MASQUERADE --random-fully" : "MASQUERADE";
    case "set-mark-bits":
      return `MARK --or-mark ${hex(target.bits)}`;
    case "flip-mark-bits":
      return `MARK --xor-mark ${hex(target.bits)}`;
  }
}

/** Address and port in one word: `10.244.1.2:8080`, `[fd00::2]:8080`. */
export function socketText(ip: Ip, port: Port): string {
  return ipFamily(ip) === "IPv4" ? `${ip}:${port}` : `[${ip}]:${port}`;
}

/**
 * The same text for rules that mean the same to the kernel: as the tool writes it or as `iptables-save` lists it, which
 * differs in the order of matches and rounds probabilities to a multiple of 2^-31.
 */
export function ruleIdentity({ matches, target }: Rule): string {
  const words = matches.map((match) => {
    if (match.kind === "random") return `random ${Math.round(match.probability * 2 ** 31)}`;
    if (match.kind === "connection-state") return matchText({ ...match, states: [...match.states].sort() });
    if (match.kind === "source" || match.kind === "destination") {
      return matchText({ ...match, network: match.network.replace(/^([^:]*)\/32$|\/128$/, "$1") as Ip });
    }
    return matchText(match);
  });
  return [...words.sort(), target === undefined ? "" : targetText(target)].join(" | ");
}

function notText({ not }: { readonly not?: true }): string {
  return not === true ? "! " : "";
}

function hex(bits: number): string {
  return `0x${bits.toString(16)}`;
}

/** A word for iptables-restore, which takes spaces only between quotes. */
function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
