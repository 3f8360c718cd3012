import type { ClusterApi } from "../../objects/index.ts";

/** Where a request starts: `client`, `node/node-1`, `pod/NAME` (in the tour's namespace). */
export type Place = string;

/** One HTTP request's fate. */
export type Reply =
  | {
      readonly kind: "answer";
      readonly status: number;
      /** Who answered, and where it runs; empty when it was no stand-in. */
      readonly pod: string;
      readonly node: string;
      /** The source address that the answering pod saw. */
      readonly client: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly ms: number;
    }
  /** `code` is the system's error code, such as ECONNREFUSED or ETIMEDOUT. */
  | { readonly kind: "failed"; readonly code: string; readonly ms: number };

/** A reply that is an answer. */
export type Answer = Extract<Reply, { kind: "answer" }>;

export interface AskOptions {
  readonly count?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly timeoutMs?: number;
}

/** The running lab as the demo's rows use it. Requests are real packets from the place's own network namespace. */
export interface DemoLab {
  readonly api: ClusterApi;
  readonly namespace: string;
  readonly nodes: readonly { readonly name: string; readonly address: string; readonly zone: string }[];
  readonly clientAddress: string;
  /** Sends requests one after the other, each on a connection of its own. */
  ask(from: Place, url: string, options?: AskOptions): Promise<readonly Reply[]>;
  /** Sends one datagram; resolves to the answer's text, or undefined after a second of silence. */
  askUdp(from: Place, host: string, port: number, text: string): Promise<string | undefined>;
  /** One DNS question from that place to its own resolver. Answers as in a zone file, without owner and TTL. */
  resolve(
    from: Place,
    name: string,
    type: "A" | "SRV" | "CNAME" | "PTR",
  ): Promise<{ readonly rcode: string; readonly answers: readonly string[] }>;
  stopNode(name: string): Promise<void>;
  startNode(name: string): Promise<void>;
}

/** One line of the demo's table. */
export interface Row {
  readonly from: string;
  readonly to: string;
  readonly must: string;
  /** Does the requests; resolves to what was seen. Rejects with `Unmet` when it does not hold. */
  readonly prove: (lab: DemoLab) => Promise<string>;
}

/** What must be true is not: the message says what was seen instead. */
export class Unmet extends Error {}

/** Throws `Unmet` with what was seen unless `holds`. */
export function must(holds: boolean, seen: string): void {
  if (!holds) throw new Unmet(seen);
}

/** The answers among replies. Throws `Unmet` when a request failed or was not answered with 200. */
export function allAnswered(replies: readonly Reply[]): readonly Answer[] {
  return replies.map((reply) => {
    if (reply.kind === "failed") throw new Unmet(`${reply.code} after ${Math.round(reply.ms)} ms`);
    if (reply.status !== 200) throw new Unmet(`status ${reply.status}`);
    return reply;
  });
}

/** How often each value occurs, most frequent first. */
export function countBy<T>(items: readonly T[], of: (item: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(of(item), (counts.get(of(item)) ?? 0) + 1);
  return new Map([...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)));
}

/** Counts as text: `a 20, b 19`, without the prefix that generated names share. */
export function countsText(counts: ReadonlyMap<string, number>): string {
  const short = (name: string) => (/-[a-z0-9]{5}$/.test(name) ? name.slice(-5) : name);
  return [...counts].map(([name, count]) => `${short(name)} ${count}`).join(", ");
}

/** Runs `attempt` until it does not reject with `Unmet`. Rejects with the last `Unmet` after `timeoutMs`. */
export async function eventually<T>(timeoutMs: number, attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Unmet) || performance.now() > deadline) throw error;
      await new Promise((resolve) => void setTimeout(resolve, 20));
    }
  }
}

/** Tells the stand-in at this address, over its own port, how to behave from now on. */
export async function tellStandIn(lab: DemoLab, address: string, order: "ready" | "unready"): Promise<void> {
  allAnswered(await lab.ask("node/node-1", `http://${address}/_sealane/${order}`, { method: "POST" }));
}
