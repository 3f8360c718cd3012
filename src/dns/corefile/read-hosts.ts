import { parseName } from "../../codec/index.ts";
import { parseIp } from "../../core/index.ts";
import { expectArguments, expectNoBlock, onlyArgument, readDuration, readInteger, readZoneList } from "./arguments.ts";
import type { Directive } from "./blocks.ts";
import type { HostsSettings } from "./configuration.ts";
import { corefileError } from "./place.ts";
import { readFallthrough } from "./read-kubernetes.ts";

/** `hosts [FILE [ZONES...]] { ... }`: lines of the block that begin with an address are entries. */
export function readHosts(plugin: Directive, zonesOfBlock: readonly string[]): HostsSettings {
  const [file, ...zones] = plugin.args;
  let settings: HostsSettings = {
    // Without a file and with entries of its own, only those are meant.
    file: file?.text,
    zones: zones.length === 0 ? zonesOfBlock : readZoneList(zones),
    inline: [],
    ttl: 3600,
    reverse: true,
    reloadMs: 5000,
    fallthrough: "none",
  };
  const set = (change: Partial<HostsSettings>) => {
    settings = { ...settings, ...change };
  };
  for (const property of plugin.block ?? []) {
    expectNoBlock(property);
    const address = parseIp(property.name);
    if (address !== undefined) {
      const names = property.args.map(({ text }) => text);
      const bad = names.find((name) => name.startsWith("*") || parseName(name) === undefined);
      if (names.length === 0) throw corefileError(property, `hosts: ${address} has no name behind it`);
      if (bad !== undefined) throw corefileError(property, `hosts: ${JSON.stringify(bad)} is no name`);
      set({ inline: [...settings.inline, { address, names }] });
      continue;
    }
    switch (property.name) {
      case "ttl":
        set({ ttl: readInteger(onlyArgument(property, "ttl SECONDS"), 1, 65_535) });
        break;
      case "no_reverse":
        expectArguments(property, 0, 0, "no_reverse");
        set({ reverse: false });
        break;
      case "reload":
        set({ reloadMs: readDuration(onlyArgument(property, "reload DURATION")) });
        break;
      case "fallthrough":
        set({ fallthrough: readFallthrough(property) });
        break;
      default:
        throw corefileError(
          property,
          `hosts: ${JSON.stringify(property.name)} is neither an address nor ttl, no_reverse, reload or fallthrough`,
        );
    }
  }
  return settings.file === undefined && settings.inline.length === 0 ? { ...settings, file: "/etc/hosts" } : settings;
}
