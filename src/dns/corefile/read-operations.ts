import {
  expectArguments,
  onlyArgument,
  readChoice,
  readDuration,
  readInteger,
  readListenAddress,
  readProperties,
  readZoneList,
} from "./arguments.ts";
import type { Directive } from "./blocks.ts";
import type { AutopathSettings, HealthSettings, ReadySettings, ReloadSettings, ServerTls } from "./configuration.ts";
import { corefileError } from "./place.ts";
import type { ReadText } from "./read-forward.ts";
import { expectUsable, readPem } from "./read-pem.ts";
import type { TlsContext } from "./read-pem.ts";
import { parseResolvConf } from "../resolv-conf.ts";

/** `health [ADDRESS] { lameduck DURATION }` */
export function readHealth(plugin: Directive): HealthSettings {
  expectArguments(plugin, 0, 1, "health [ADDRESS]");
  const [address] = plugin.args;
  let lameduckMs = 0;
  readProperties(plugin, {
    lameduck: (property) => {
      lameduckMs = readDuration(onlyArgument(property, "lameduck DURATION"));
    },
  });
  return { address: address === undefined ? ":8080" : readListenAddress(address), lameduckMs };
}

/** `ready [ADDRESS] { monitor until-ready|continuously }` */
export function readReady(plugin: Directive): ReadySettings {
  expectArguments(plugin, 0, 1, "ready [ADDRESS]");
  const [address] = plugin.args;
  let continuously = false;
  readProperties(plugin, {
    monitor: (property) => {
      const mode = readChoice(onlyArgument(property, "monitor until-ready|continuously"), [
        "until-ready",
        "continuously",
      ]);
      continuously = mode === "continuously";
    },
  });
  return { address: address === undefined ? ":8181" : readListenAddress(address), continuously };
}

/** `prometheus [ADDRESS]` */
export function readPrometheus(plugin: Directive): { readonly address: string } {
  expectArguments(plugin, 0, 1, "prometheus [ADDRESS]");
  const [address] = plugin.args;
  return { address: address === undefined ? "localhost:9153" : readListenAddress(address) };
}

const shortestIntervalMs = 2000;
const shortestJitterMs = 1000;

/** `reload [INTERVAL] [JITTER]`; `reload off` is no reload. */
export function readReload(plugin: Directive): ReloadSettings | undefined {
  expectArguments(plugin, 0, 2, "reload [INTERVAL] [JITTER]");
  const [interval, jitter] = plugin.args;
  if (interval?.text === "off") return undefined;
  const intervalMs = interval === undefined ? 30_000 : readDuration(interval);
  if (interval !== undefined && intervalMs < shortestIntervalMs)
    throw corefileError(interval, "reload: every 2s at most");
  const jitterMs = jitter === undefined ? Math.min(15_000, intervalMs / 2) : readDuration(jitter);
  if (jitter !== undefined && jitterMs < shortestJitterMs)
    throw corefileError(jitter, "reload: the jitter is 1s at least");
  return { intervalMs, jitterMs: Math.min(jitterMs, intervalMs / 2) };
}

/** `bufsize [SIZE]` */
export function readBufsize(plugin: Directive): number {
  expectArguments(plugin, 0, 1, "bufsize [SIZE]");
  const [size] = plugin.args;
  return size === undefined ? 1232 : readInteger(size, 512, 4096);
}

/** `bind ADDRESS|INTERFACE... { except ADDRESS|INTERFACE... }` */
export function readBind(plugin: Directive): {
  readonly bind: readonly string[];
  readonly bindExcept: readonly string[];
} {
  expectArguments(plugin, 1, Infinity, "bind ADDRESS|INTERFACE...");
  const except: string[] = [];
  readProperties(plugin, {
    except: (property) => {
      expectArguments(property, 1, Infinity, "except ADDRESS|INTERFACE...");
      except.push(...property.args.map(({ text }) => text));
    },
  });
  return { bind: plugin.args.map(({ text }) => text), bindExcept: except };
}

/** `tls CERTIFICATE KEY`, for blocks of tls:// */
export function readTls(plugin: Directive, context: TlsContext): ServerTls {
  expectArguments(plugin, 2, 3, "tls CERTIFICATE KEY");
  const [certificate, key, ca] = plugin.args;
  if (certificate === undefined || key === undefined) throw new TypeError("Arguments were counted before");
  if (ca !== undefined) throw corefileError(ca, "tls: clients are not asked for certificates; remove the third file");
  const files = { certificate: readPem(certificate, "tls", context), key: readPem(key, "tls", context) };
  expectUsable(plugin, files, context);
  return files;
}

/** `autopath [ZONES...] @kubernetes|FILE` */
export function readAutopath(plugin: Directive, zonesOfBlock: readonly string[], readText: ReadText): AutopathSettings {
  expectArguments(plugin, 1, Infinity, "autopath [ZONES...] @kubernetes|FILE");
  const source = plugin.args.at(-1);
  if (source === undefined) throw new TypeError("Arguments were counted before");
  const named = readZoneList(plugin.args.slice(0, -1));
  const zones = named.length === 0 ? zonesOfBlock : named;
  if (source.text === "@kubernetes") return { zones, search: { kind: "kubernetes" } };
  if (source.text.startsWith("@"))
    throw corefileError(source, `autopath: search lists come from @kubernetes or a file, not ${source.text}`);
  const text = readText(source.text);
  if (text === undefined) throw corefileError(source, `autopath: ${source.text} cannot be read`);
  const { searches } = parseResolvConf(text);
  if (searches.length === 0) throw corefileError(source, `autopath: ${source.text} has no search line`);
  return { zones, search: { kind: "list", domains: searches } };
}
