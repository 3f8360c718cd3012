import type { Protocol } from "../../core/index.ts";
import type { StringMap } from "../../objects/index.ts";

/** Who answers: a pod, or a host outside the cluster (then only `host` is set). */
export interface StandInIdentity {
  readonly pod?: string;
  readonly namespace?: string;
  readonly node?: string;
  readonly podIP?: string;
  readonly labels?: StringMap;
  /** Name of an outside host. */
  readonly host?: string;
}

/** What a stand-in saw of one request or datagram. */
export interface Seen {
  readonly protocol: Protocol;
  /** The port that was asked, on the stand-in's side. */
  readonly port: number;
  readonly container?: string;
  readonly image?: string;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly time: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The text of a datagram. */
  readonly received?: string;
}

/** The answer as JSON: identity and what was seen, in one flat object. */
export function answerJson(identity: StandInIdentity, seen: Seen): string {
  const hostname = identity.pod ?? identity.host;
  return `${JSON.stringify({ ...identity, hostname, ...seen, standIn: true })}\n`;
}

/** The answer as text: one `name: value` a line. */
export function answerText(identity: StandInIdentity, seen: Seen): string {
  const lines: string[] = [];
  const add = (name: string, value: string | number | undefined) => {
    if (value !== undefined && value !== "") lines.push(`${name}: ${value}`);
  };
  add("pod", identity.pod);
  add("host", identity.host);
  add("namespace", identity.namespace);
  add("node", identity.node);
  add("podIP", identity.podIP);
  add("port", `${seen.port}/${seen.protocol}`);
  add("container", seen.container === undefined ? undefined : `${seen.container} (a stand-in for ${seen.image})`);
  add("client", formatPeer(seen.clientAddress, seen.clientPort));
  add("request", seen.method === undefined ? undefined : `${seen.method} ${seen.path}`);
  for (const [name, value] of Object.entries(seen.headers ?? {})) {
    add(`header ${name}`, Array.isArray(value) ? value.join(", ") : String(value));
  }
  add("received", seen.received);
  add("time", seen.time);
  return `${lines.join("\n")}\n`;
}

/** Whether the client wants JSON: it says so in the query (`format=json`) or in the Accept header. */
export function wantsJson(path: string, accept: string | undefined): boolean {
  return /[?&]format=json(&|$)/.test(path) || (accept ?? "").includes("application/json");
}

/** An address as people know it: IPv4 without the IPv6 prefix that dual-stack sockets show. */
export function plainAddress(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:(?=[0-9.]+$)/, "");
}

function formatPeer(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
