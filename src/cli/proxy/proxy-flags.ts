import { readProxyConfig } from "../../app/index.ts";
import { parseScheduler, schedulers } from "../../model/index.ts";
import { parseMode, proxyModes } from "../../proxy/index.ts";
import type { ProxyMode, ProxySettings } from "../../proxy/index.ts";
import { UsageError } from "../command.ts";
import { printError } from "../terminal.ts";

/** The flags that settings of a proxy come from. */
export interface ProxyFlagValues {
  readonly "proxy-config"?: string | undefined;
  readonly "ipvs-scheduler"?: string | undefined;
  readonly "reset-removed"?: boolean | undefined;
}

/** Settings from a file and flags, over `base`; flags win. Warns of what of the file is not acted on. */
export function proxySettings(values: ProxyFlagValues, base: ProxySettings): ProxySettings {
  const file = values["proxy-config"];
  let settings = base;
  if (file !== undefined) {
    const reading = readProxyConfig(file, base);
    for (const warning of reading.warnings) printError(`warning: ${file}: ${warning}`);
    settings = reading.settings;
  }
  const name = values["ipvs-scheduler"];
  if (name !== undefined) {
    const scheduler = parseScheduler(name);
    if (scheduler === undefined) {
      throw new UsageError(`--ipvs-scheduler must be one of ${schedulers.join(", ")}, not ${JSON.stringify(name)}`);
    }
    settings = { ...settings, scheduler };
  }
  return values["reset-removed"] === true ? { ...settings, resetRemoved: true } : settings;
}

/** The name of a node: `node-2` is also `node/node-2`, `node/2` and `2`. */
export function nodeName(text: string): string {
  const name = text.startsWith("node/") ? text.slice("node/".length) : text;
  return /^\d+$/.test(name) ? `node-${name}` : name;
}

/** Throws `UsageError` when one of the modes that nodes begin with cannot do what the settings ask of all Services. */
export function checkScheduler({ scheduler }: ProxySettings, modes: readonly ProxyMode[]): void {
  if (scheduler !== "random" || !modes.includes("ipvs")) return;
  throw new UsageError(
    "IPVS has no scheduler random: name another one with --ipvs-scheduler or ipvs.scheduler, or use the proxy mode userspace",
  );
}

/** Reads the name of a mode. Throws `UsageError` for one that does not exist or has no engine. */
export function modeOption(text: string): ProxyMode {
  const mode = parseMode(text);
  const usable = proxyModes.filter((name) => name !== "ebpf");
  if (mode === "ebpf")
    throw new UsageError(`The proxy mode ebpf is planned, but not there yet; use ${usable.join(", ")}`);
  if (mode === undefined) {
    throw new UsageError(`There is no proxy mode ${JSON.stringify(text)}; use one of ${usable.join(", ")}`);
  }
  return mode;
}
