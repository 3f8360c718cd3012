import { expectArguments, expectNoBlock, readChoice } from "./arguments.ts";
import { readBlocks } from "./blocks.ts";
import type { Block, CorefilePorts, Directive } from "./blocks.ts";
import type { DnsConfiguration, ServerBlock } from "./configuration.ts";
import { readListenKey } from "./listen-key.ts";
import type { ListenKey } from "./listen-key.ts";
import { corefileError } from "./place.ts";
import { readAcl, readDns64, readRateLimit, readTransfer } from "./read-access.ts";
import { readCache } from "./read-cache.ts";
import { readForward } from "./read-forward.ts";
import { readHosts } from "./read-hosts.ts";
import { readKubernetes } from "./read-kubernetes.ts";
import { readErrors, readLog } from "./read-log.ts";
import type { TlsContext } from "./read-pem.ts";
import {
  readAutopath,
  readBind,
  readBufsize,
  readHealth,
  readPrometheus,
  readReady,
  readReload,
  readTls,
} from "./read-operations.ts";
import { readRewrite } from "./read-rewrite.ts";
import { adviceFor } from "./unsupported.ts";

/** What a Corefile needs besides its text: `readText` reads the files that it names, such as `/etc/resolv.conf`. */
export interface CorefileContext extends CorefilePorts, TlsContext {
  /** The port of blocks that name none; 53 unless given. */
  readonly port?: number;
}

type Change = Partial<ServerBlock>;
type PluginReader = (plugin: Directive, block: ServerBlock, context: CorefileContext) => Change;

/** Plugins that may stand in a block several times. */
const repeatable: ReadonlySet<string> = new Set(["acl", "forward", "log", "rewrite", "transfer"]);

const plugins: Readonly<Record<string, PluginReader>> = {
  acl: (plugin, { acl }) => ({ acl: [...acl, readAcl(plugin)] }),
  any: (plugin) => {
    flagOnly(plugin);
    return { any: true };
  },
  autopath: (plugin, block, { readText }) => ({ autopath: readAutopath(plugin, zonesOf(block), readText) }),
  bind: (plugin) => readBind(plugin),
  bufsize: (plugin) => ({ bufsize: readBufsize(plugin) }),
  cache: (plugin) => ({ cache: readCache(plugin) }),
  dns64: (plugin) => ({ dns64: readDns64(plugin) }),
  errors: (plugin) => ({ errors: readErrors(plugin) }),
  forward: (plugin, { forward }, context) => ({ forward: [...forward, readForward(plugin, context)] }),
  health: (plugin) => ({ health: readHealth(plugin) }),
  hosts: (plugin, block) => ({ hosts: readHosts(plugin, zonesOf(block)) }),
  kubernetes: (plugin, block) => ({ kubernetes: readKubernetes(plugin, zonesOf(block)) }),
  loadbalance: (plugin) => {
    expectArguments(plugin, 0, 1, "loadbalance [round_robin]");
    expectNoBlock(plugin);
    const [policy] = plugin.args;
    if (policy !== undefined) readChoice(policy, ["round_robin"]);
    return { loadbalance: true };
  },
  log: (plugin, { log }) => ({ log: [...log, readLog(plugin)] }),
  loop: (plugin) => {
    flagOnly(plugin);
    return { loop: true };
  },
  prometheus: (plugin) => {
    expectNoBlock(plugin);
    return { prometheus: readPrometheus(plugin) };
  },
  ratelimit: (plugin) => ({ rateLimit: readRateLimit(plugin) }),
  ready: (plugin) => ({ ready: readReady(plugin) }),
  reload: (plugin) => {
    expectNoBlock(plugin);
    const reload = readReload(plugin);
    return reload === undefined ? {} : { reload };
  },
  rewrite: (plugin, { rewrite }) => ({ rewrite: [...rewrite, readRewrite(plugin)] }),
  tls: (plugin, _block, context) => {
    expectNoBlock(plugin);
    return { tls: readTls(plugin, context) };
  },
  transfer: (plugin, { transfer }) => ({ transfer: [...transfer, readTransfer(plugin)] }),
  whoami: (plugin) => {
    flagOnly(plugin);
    return { whoami: true };
  },
};

/** The plugins that a Corefile may use here. */
export const knownPlugins: readonly string[] = Object.keys(plugins);

/**
 * Reads a Corefile: its blocks with the settings of each plugin. Throws `CodedError` code `InvalidCorefile` whose message
 * begins with `FILE:LINE:` for everything that is not understood; nothing is silently left out.
 */
export function readCorefile(text: string, file: string, context: CorefileContext): DnsConfiguration {
  const blocks = readBlocks(text, file, context);
  if (blocks.length === 0) throw corefileError({ file, line: 1 }, "no block: write at least .:53 { ... }");
  const servers = blocks.map((block) => readBlock(block, context));
  refuseDoubles(servers);
  return { servers, warnings: warningsOf(servers) };
}

function readBlock(block: Block, context: CorefileContext): ServerBlock {
  const keys = block.keys.flatMap((key) => readListenKey(key, context.port));
  let server: ServerBlock = { ...emptyBlock, file: block.file, line: block.line, keys };
  const seen = new Map<string, Directive>();
  for (const plugin of block.directives) {
    const read = Object.hasOwn(plugins, plugin.name) ? plugins[plugin.name] : undefined;
    if (read === undefined) throw corefileError(plugin, adviceFor(plugin.name, knownPlugins));
    const before = seen.get(plugin.name);
    if (before !== undefined && !repeatable.has(plugin.name)) {
      throw corefileError(
        plugin,
        `${plugin.name} stands in this block already, on line ${before.line}: keep one of them`,
      );
    }
    seen.set(plugin.name, plugin);
    server = { ...server, ...read(plugin, server, context) };
  }
  const secure = keys.find(({ transport }) => transport === "tls");
  if (secure !== undefined && server.tls === undefined) {
    throw corefileError(secure, "a block of tls:// needs a certificate: add tls CERTIFICATE KEY");
  }
  if (server.autopath?.search.kind === "kubernetes" && server.kubernetes === undefined) {
    throw corefileError(
      seen.get("autopath") ?? block,
      "autopath @kubernetes needs the plugin kubernetes in the same block",
    );
  }
  return server;
}

/** A block without plugins. */
export const emptyBlock: Omit<ServerBlock, "file" | "line" | "keys"> = {
  bind: [],
  bindExcept: [],
  log: [],
  acl: [],
  any: false,
  loadbalance: false,
  rewrite: [],
  transfer: [],
  loop: false,
  forward: [],
  whoami: false,
};

/** The zones of a block, each once. */
export function zonesOf({ keys }: Pick<ServerBlock, "keys">): readonly string[] {
  return [...new Set(keys.map(({ zone }) => zone))];
}

function flagOnly(plugin: Directive): void {
  expectArguments(plugin, 0, 0, plugin.name);
  expectNoBlock(plugin);
}

/** One zone can be served at one place by one block only. */
function refuseDoubles(servers: readonly ServerBlock[]): void {
  const known = new Map<string, ListenKey>();
  for (const { keys, bind } of servers) {
    for (const key of keys) {
      for (const address of bind.length === 0 ? [""] : bind) {
        const id = `${key.transport}://${address} ${key.zone} ${key.port}`;
        const before = known.get(id);
        if (before !== undefined) {
          throw corefileError(
            key,
            `${key.transport}://${key.zone}:${key.port} is served already by the block on line ${before.line}`,
          );
        }
        known.set(id, key);
      }
    }
  }
}

function warningsOf(servers: readonly ServerBlock[]): readonly string[] {
  return servers.flatMap(({ file, line, cache, kubernetes, tls, keys }) => [
    ...(cache?.prefetch !== undefined && cache.prefetch.amount === 0
      ? [`${file}:${line}: cache: prefetch 0 does nothing`]
      : []),
    ...(kubernetes !== undefined && kubernetes.zones.every((zone) => zone.endsWith(".arpa."))
      ? [`${file}:${line}: kubernetes: only reverse zones are served, names of Services are not`]
      : []),
    ...(kubernetes?.zonal === true && !kubernetes.withEndpoints
      ? [`${kubernetes.file}:${kubernetes.line}: kubernetes: zonal has no effect with noendpoints`]
      : []),
    ...(tls !== undefined && keys.every(({ transport }) => transport === "dns")
      ? [`${file}:${line}: tls has no effect: no zone of this block begins with tls://`]
      : []),
  ]);
}
