import { parseName } from "../codec/index.ts";
import { parseCidr, parseIp } from "../core/index.ts";
import { isListenAddress, parseUpstream } from "../dns/index.ts";
import { durationOption, integerOption, UsageError } from "./command.ts";

/** The flags that say what a Corefile would, for `util.parseArgs`. */
export const dnsFlags = {
  domain: { type: "string" },
  upstream: { type: "string", multiple: true },
  "upstream-hedge": { type: "string" },
  ttl: { type: "string" },
  pods: { type: "string" },
  autopath: { type: "boolean" },
  "rate-limit": { type: "string" },
  "transfer-to": { type: "string", multiple: true },
  "log-queries": { type: "string" },
  health: { type: "string" },
  ready: { type: "string" },
  metrics: { type: "string" },
  lameduck: { type: "string" },
} as const;

/** What `dnsFlags` parse to. */
export interface DnsFlagValues {
  readonly domain?: string | undefined;
  readonly upstream?: readonly string[] | undefined;
  readonly "upstream-hedge"?: string | undefined;
  readonly ttl?: string | undefined;
  readonly pods?: string | undefined;
  readonly autopath?: boolean | undefined;
  readonly "rate-limit"?: string | undefined;
  readonly "transfer-to"?: readonly string[] | undefined;
  readonly "log-queries"?: string | undefined;
  readonly health?: string | undefined;
  readonly ready?: string | undefined;
  readonly metrics?: string | undefined;
  readonly lameduck?: string | undefined;
}

/** The help of these flags. */
export const dnsFlagsHelp = `  --domain NAME         * the cluster's domain (default cluster.local)
  --upstream SERVER     * who is asked for other names: IP, IP:PORT or tls://IP; repeatable (default: /etc/resolv.conf)
  --upstream-hedge TIME * ask a second one, too, when the first has not answered for so long, such as 200ms (default: after 2s)
  --ttl SECONDS         * how long clients may keep the cluster's names (default 5)
  --pods MODE           * names of pods: disabled, insecure (default) or verified
  --autopath            * go through the search list of pods for them
  --rate-limit N        * queries a second that one client may send; more are refused (default: no limit)
  --transfer-to NETWORK * who may copy the zone (AXFR); repeatable (default: nobody)
  --log-queries N       * write one of N queries to standard output
  --health ADDRESS      * serve /health there, such as :8080
  --ready ADDRESS       * serve /ready there, such as :8181
  --metrics ADDRESS     * serve /metrics there, such as :9153
  --lameduck TIME       * how long to go on after SIGTERM (default 0s)`;

/** RFC 1123; how long labels and names may be, `parseName` knows. */
const hostLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/i;
const podModes = ["disabled", "insecure", "verified"] as const;

/** Checks the flags and writes the Corefile that they mean. Throws `UsageError` that names the flag. */
export function dnsCorefile(values: DnsFlagValues): string {
  const { pods = "insecure", domain = "cluster.local" } = values;
  if (!podModes.some((mode) => mode === pods)) {
    throw new UsageError(`--pods must be one of ${podModes.join(", ")}, not ${JSON.stringify(pods)}`);
  }
  if (parseName(domain) === undefined || !domain.split(".").every((label) => hostLabel.test(label))) {
    throw new UsageError(`--domain must be a name such as cluster.local, not ${JSON.stringify(domain)}`);
  }
  const health = listenOption("health", values.health);
  const ready = listenOption("ready", values.ready);
  const metrics = listenOption("metrics", values.metrics);
  const lameduck = values.lameduck === undefined ? undefined : durationOption("lameduck", values.lameduck);
  if (lameduck !== undefined && health === undefined) {
    throw new UsageError("--lameduck needs --health ADDRESS: it is what others look at meanwhile");
  }
  const upstreams = (values.upstream ?? []).map(upstreamOption);
  const transferTo = (values["transfer-to"] ?? []).map(networkOption);
  const lines = [
    "errors",
    ...(health === undefined ? [] : [`health ${health} {`, `  lameduck ${lameduck ?? 0}ms`, "}"]),
    ...(ready === undefined ? [] : [`ready ${ready}`]),
    ...(metrics === undefined ? [] : [`prometheus ${metrics}`]),
    ...counted("log-queries", values["log-queries"], (n) => ["log {", `  sample ${n}`, "}"]),
    ...counted("rate-limit", values["rate-limit"], (n) => [`ratelimit ${n}`]),
    `kubernetes ${domain} in-addr.arpa ip6.arpa {`,
    `  pods ${pods}`,
    `  ttl ${values.ttl === undefined ? 5 : integerOption("ttl", values.ttl, 0, 3600)}`,
    "  fallthrough in-addr.arpa ip6.arpa",
    "}",
    ...(values.autopath === true ? [`autopath ${domain} @kubernetes`] : []),
    ...(transferTo.length === 0 ? [] : ["transfer {", `  to ${transferTo.join(" ")}`, "}"]),
    `forward . ${upstreams.length === 0 ? "/etc/resolv.conf" : upstreams.join(" ")} {`,
    "  max_concurrent 1000",
    ...(values["upstream-hedge"] === undefined ? [] : [`  hedge ${hedgeOption(values["upstream-hedge"])}ms`]),
    "}",
    "cache 30",
    "loop",
    "loadbalance",
  ];
  return `. {\n${lines.map((line) => `    ${line}\n`).join("")}}\n`;
}

function counted(
  flag: string,
  text: string | undefined,
  lines: (count: number) => readonly string[],
): readonly string[] {
  return text === undefined ? [] : lines(integerOption(flag, text, 1, 1e7));
}

function upstreamOption(text: string): string {
  if (parseUpstream(text) === undefined) {
    throw new UsageError(`--upstream must be IP, IP:PORT, [IPv6]:PORT or tls://IP, not ${JSON.stringify(text)}`);
  }
  return text;
}

function hedgeOption(text: string): number {
  const ms = durationOption("upstream-hedge", text);
  if (ms > 0 && ms < 2000) return ms;
  throw new UsageError(`--upstream-hedge must be more than 0 and less than 2s, not ${JSON.stringify(text)}`);
}

function networkOption(text: string): string {
  if (parseIp(text) === undefined && parseCidr(text) === undefined) {
    throw new UsageError(
      `--transfer-to must be an address or a network such as 10.0.0.0/8, not ${JSON.stringify(text)}`,
    );
  }
  return text;
}

function listenOption(flag: string, text: string | undefined): string | undefined {
  if (text !== undefined && !isListenAddress(text)) {
    throw new UsageError(`--${flag} must be :PORT or ADDRESS:PORT, not ${JSON.stringify(text)}`);
  }
  return text;
}
