import { ipFamily } from "../../core/index.ts";
import type { Ip, Port, Protocol } from "../../core/index.ts";
import { dummyDevice, setName } from "./statement.ts";
import type { Destination, ServerKey, Statement, VirtualServer } from "./statement.ts";

/** Options of ipvsadm that say the protocol of a virtual server's address. */
export const protocolOptions: Readonly<Record<Protocol, string>> = { TCP: "-t", UDP: "-u", SCTP: "--sctp-service" };

/** Names of the schedulers' flags 1 and 2, without the scheduler's name before them. */
export const flagNames = ["fallback", "port"] as const;

const longestComment = 120;

/** The statement as the kernel's tools read it: a line for `ipset restore`, `ipvsadm -R` or `ip -batch`, without the tool's name. */
export function render(statement: Statement): string {
  switch (statement.kind) {
    case "add-member": {
      const { set, family, element, mark, comment } = statement.member;
      const marked = mark === undefined ? "" : ` skbmark 0x${mark.toString(16)}`;
      return `add ${setName(set, family)} ${element}${marked}${comment === undefined ? "" : ` comment "${commentText(comment)}"`} -exist`;
    }
    case "delete-member": {
      const { set, family, element } = statement.member;
      return `del ${setName(set, family)} ${element} -exist`;
    }
    case "add-server":
      return `-A ${serverText(statement.server)}`;
    case "edit-server":
      return `-E ${serverText(statement.server)}`;
    case "delete-server":
      return `-D ${keyText(statement.server)}`;
    case "add-destination":
      return `-a ${destinationText(statement.server, statement.destination)}`;
    case "edit-destination":
      return `-e ${destinationText(statement.server, statement.destination)}`;
    case "delete-destination": {
      const { server, destination } = statement;
      return `-d ${keyText(server)} -r ${placeText(destination.ip, destination.port)}`;
    }
    case "add-address":
    case "delete-address": {
      const verb = statement.kind === "add-address" ? "replace" : "delete";
      return `route ${verb} local ${statement.ip} dev ${dummyDevice} table local`;
    }
  }
}

/** Which tool reads the line. */
export function toolOf({ kind }: Statement): "ipset" | "ipvsadm" | "ip" {
  if (kind === "add-member" || kind === "delete-member") return "ipset";
  return kind === "add-address" || kind === "delete-address" ? "ip" : "ipvsadm";
}

/** The lines of one tool, as its batch input. */
export function script(statements: readonly Statement[], tool: "ipset" | "ipvsadm" | "ip"): string {
  return statements
    .filter((statement) => toolOf(statement) === tool)
    .map((statement) => `${render(statement)}\n`)
    .join("");
}

function serverText(server: VirtualServer): string {
  const { scheduler, flags, persistenceSeconds } = server;
  const persistence = persistenceSeconds === undefined ? "" : ` -p ${persistenceSeconds}`;
  const names = flags.map((flag) => `${scheduler}-${flagNames[flag - 1] ?? `flag-${flag}`}`);
  return `${keyText(server)} -s ${scheduler}${persistence}${names.length === 0 ? "" : ` -b ${names.join(",")}`}`;
}

function destinationText(server: ServerKey, { ip, port, weight }: Destination): string {
  return `${keyText(server)} -r ${placeText(ip, port)} -m -w ${weight}`;
}

function keyText(key: ServerKey): string {
  if ("mark" in key) return `-f ${key.mark}${key.family === "IPv6" ? " -6" : ""}`;
  return `${protocolOptions[key.protocol]} ${placeText(key.ip, key.port)}`;
}

function placeText(ip: Ip, port: Port): string {
  return ipFamily(ip) === "IPv4" ? `${ip}:${port}` : `[${ip}]:${port}`;
}

/** A comment as the kernel gets it: cut to what sets take, without what ends a text in `ipset restore`. */
export function commentText(comment: string): string {
  return comment.slice(0, longestComment).replaceAll(/["\\]/g, "'");
}
