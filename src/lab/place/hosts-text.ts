import type { Ip } from "../../core/index.ts";

/** The text of `/etc/hosts`: localhost and the given names. */
export function hostsText(entries: readonly { readonly address: Ip; readonly names: readonly string[] }[]): string {
  const lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"];
  for (const { address, names } of entries) lines.push(`${address}\t${names.join("\t")}`);
  return lines.map((line) => `${line}\n`).join("");
}
