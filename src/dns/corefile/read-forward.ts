import { parseName } from "../../codec/index.ts";
import { isPort, parseIp } from "../../core/index.ts";
import type { Ip } from "../../core/index.ts";
import { parseResolvConf } from "../resolv-conf.ts";
import type { Upstream, UpstreamTls } from "../upstream.ts";
import {
  expectArguments,
  onlyArgument,
  readChoice,
  readDuration,
  readInteger,
  readProperties,
  readResponseCode,
  readZoneList,
} from "./arguments.ts";
import type { Directive, Word } from "./blocks.ts";
import { forwardDefaults } from "./configuration.ts";
import type { ForwardSettings } from "./configuration.ts";
import { readZones } from "./listen-key.ts";
import { corefileError } from "./place.ts";
import { expectUsable, readPem } from "./read-pem.ts";
import type { TlsContext } from "./read-pem.ts";

/** More servers do not make a name easier to find. */
const mostUpstreams = 15;

/** How long one server is waited for at all. */
const longestAttemptMs = 2000;

/** The text of a file, undefined when there is none. */
export type ReadText = (path: string) => string | undefined;

/** Properties that CoreDNS has besides, and what to do without them. */
const elsewhere: Readonly<Record<string, string>> = {
  max_idle_conns: "connections that are idle end after expire; remove the line",
  max_connect_attempts: "every server is tried within 5 s in all; remove the line",
  max_age: "use expire",
  next_on_nodata: "use next NXDOMAIN, or remove the line",
  doh_method: "use tls:// (DNS over TLS)",
  resolver: "write the addresses of the servers",
};

/** `forward FROM TO... { ... }`; TO is an address, or a file such as `/etc/resolv.conf`. */
export function readForward(plugin: Directive, context: TlsContext): ForwardSettings {
  expectArguments(plugin, 2, Infinity, "forward FROM TO...");
  const [from, ...targets] = plugin.args;
  if (from === undefined) throw new TypeError("Arguments were counted before");
  const to = targets.flatMap((word) => readTargets(word, context.readText));
  if (to.length > mostUpstreams) {
    throw corefileError(plugin, `forward: ${to.length} servers are too many, at most ${mostUpstreams} can be asked`);
  }
  let settings: ForwardSettings = {
    file: plugin.file,
    line: plugin.line,
    from: readZones(from),
    to,
    ...forwardDefaults,
  };
  let tls: UpstreamTls = {};
  const set = (change: Partial<ForwardSettings>) => {
    settings = { ...settings, ...change };
  };
  const flag = (form: string, change: Partial<ForwardSettings>) => (property: Directive) => {
    expectArguments(property, 0, 0, form);
    set(change);
  };
  readProperties(
    plugin,
    {
      except: (property) => {
        expectArguments(property, 1, Infinity, "except NAME...");
        set({ except: [...settings.except, ...readZoneList(property.args)] });
      },
      policy: (property) =>
        set({ policy: readChoice(onlyArgument(property, "policy POLICY"), ["random", "round_robin", "sequential"]) }),
      max_fails: (property) => set({ maxFails: readInteger(onlyArgument(property, "max_fails NUMBER"), 0, 1e6) }),
      health_check: (property) => set(readHealthCheck(property)),
      expire: (property) => set({ expireMs: readDuration(onlyArgument(property, "expire DURATION")) }),
      max_concurrent: (property) =>
        set({ maxConcurrent: readInteger(onlyArgument(property, "max_concurrent NUMBER"), 0, 1e9) }),
      force_tcp: flag("force_tcp", { forceTcp: true }),
      prefer_udp: flag("prefer_udp", { preferUdp: true }),
      hedge: (property) => set({ hedgeMs: readHedge(onlyArgument(property, "hedge DURATION")) }),
      failfast_all_unhealthy_upstreams: flag("failfast_all_unhealthy_upstreams", { failFast: true }),
      tls: (property) => {
        tls = { ...tls, ...readTlsFiles(property, context) };
      },
      tls_servername: (property) => {
        tls = { ...tls, serverName: onlyArgument(property, "tls_servername NAME").text };
      },
      next: (property) => {
        expectArguments(property, 1, Infinity, "next RCODE...");
        set({ next: property.args.map(readResponseCode) });
      },
      failover: (property) => {
        expectArguments(property, 1, Infinity, "failover RCODE...");
        const failover = property.args.map(readResponseCode);
        if (failover.includes(3))
          throw corefileError(property, "forward: NXDOMAIN is an answer: use next NXDOMAIN for it");
        if (failover.includes(0)) throw corefileError(property, "forward: failover NOERROR would never take an answer");
        set({ failover });
      },
    },
    elsewhere,
  );
  if (tls.serverName !== undefined && to.some((upstream) => upstream.tls?.serverName !== undefined)) {
    throw corefileError(plugin, "forward: a name behind % and tls_servername exclude each other: keep one of them");
  }
  const withTls = to.map((upstream) =>
    upstream.tls === undefined ? upstream : { ...upstream, tls: { ...tls, ...upstream.tls } },
  );
  return { ...settings, to: withTls };
}

/** Our own: how long the first server has before a second one is asked, too. */
function readHedge(word: Word): number {
  const ms = readDuration(word);
  if (ms > 0 && ms < longestAttemptMs) return ms;
  throw corefileError(word, `forward: hedge must be more than 0 and less than ${longestAttemptMs / 1000}s`);
}

/** `tls [CERT KEY] [CA]` */
function readTlsFiles(property: Directive, context: TlsContext): UpstreamTls {
  expectArguments(property, 0, 3, "tls [CERT KEY] [CA]");
  const [first, second, third] = property.args.map((word) => readPem(word, "forward", context));
  const ca = second === undefined ? first : third;
  const pair = first === undefined || second === undefined ? undefined : { certificate: first, key: second };
  expectUsable(property, { ...pair, ...(ca === undefined ? {} : { ca }) }, context);
  return {
    ...(pair === undefined ? {} : { cert: pair.certificate.text, key: pair.key.text }),
    ...(ca === undefined ? {} : { ca: ca.text }),
  };
}

function readHealthCheck(property: Directive): Partial<ForwardSettings> {
  expectArguments(property, 1, 4, "health_check DURATION [no_rec] [domain NAME]");
  const [duration, ...words] = property.args;
  if (duration === undefined) throw new TypeError("Arguments were counted before");
  let change: Partial<ForwardSettings> = { healthCheckMs: readDuration(duration) };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (readChoice(word, ["no_rec", "domain"]) === "no_rec") {
      change = { ...change, healthCheckRecursion: false };
      continue;
    }
    const name = words.shift();
    if (name === undefined || parseName(name.text) === undefined) {
      throw corefileError(word, "forward: health_check domain needs a name after it");
    }
    change = { ...change, healthCheckName: name.text };
  }
  return change;
}

function readTargets(word: Word, readText: ReadText): readonly Upstream[] {
  const scheme = /^([a-z]+):\/\//i.exec(word.text);
  const transport = scheme?.[1]?.toLowerCase() ?? "dns";
  if (transport !== "dns" && transport !== "tls") {
    throw corefileError(word, `forward: ${transport}:// servers cannot be asked: use dns:// or tls://`);
  }
  const rest = word.text.slice(scheme?.[0].length ?? 0);
  const own = readAddress(rest, transport);
  if (own !== undefined) return [own];
  const text = scheme === null && rest.includes("/") ? readText(word.text) : undefined;
  if (text === undefined) {
    const what = rest.includes("/") ? "this file cannot be read" : "write the address of the server, not its name";
    throw corefileError(word, `forward: ${JSON.stringify(word.text)} is no server: ${what}`);
  }
  const addresses = parseResolvConf(text)
    .nameservers.map((server) => parseIp(server))
    .filter((address): address is Ip => address !== undefined);
  if (addresses.length === 0) throw corefileError(word, `forward: ${word.text} names no server: add a nameserver line`);
  return addresses.map((address) => ({ address, port: 53 }));
}

/** `ADDRESS[%NAME][:PORT]` */
function readAddress(text: string, transport: "dns" | "tls"): Upstream | undefined {
  const match = /^(?:\[([^\]%]+)\]|([^%[\]]+?))(?:%([A-Za-z0-9.-]+))?(?::([0-9]{1,5}))?$/.exec(text);
  const whole = parseIp(text);
  const address = whole ?? parseIp(match?.[1] ?? match?.[2] ?? "");
  const port = whole === undefined && match?.[4] !== undefined ? Number(match[4]) : transport === "tls" ? 853 : 53;
  if (address === undefined || !isPort(port)) return undefined;
  const serverName = whole === undefined ? match?.[3] : undefined;
  if (transport === "dns") return { address, port };
  return { address, port, tls: serverName === undefined ? {} : { serverName } };
}
