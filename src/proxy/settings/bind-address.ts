import { parseIp } from "../../core/index.ts";
import type { BindAddress } from "./proxy-settings.ts";

/** Reads `IP:PORT` or `[IPv6]:PORT`; an IP alone gets `defaultPort`. `undefined` for other texts. */
export function parseBindAddress(text: string, defaultPort: number): BindAddress | undefined {
  if (parseIp(text) !== undefined) return { host: text, port: defaultPort };
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const host = parseIp(match[1] ?? match[2] ?? "");
  const port = Number(match[3]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

/** The address as kube-proxy's configuration writes it; empty for a server that is not started. */
export function bindAddressText(address: BindAddress | undefined): string {
  if (address === undefined) return "";
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}
