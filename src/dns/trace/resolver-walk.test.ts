import { describe, expect, it } from "vitest";
import { resolverSettings } from "./resolver-settings.ts";
import type { ResolverKind } from "./resolver-settings.ts";
import type { Ask, AskedQuery, LookupEnd, LookupType, QueryOutcome } from "./resolver-step.ts";
import { walkOf } from "./walk-of.ts";

const pod = ["demo.svc.cluster.local", "svc.cluster.local", "cluster.local"];
const both: readonly LookupType[] = ["A", "AAAA"];

/** What servers say: `A`, `AAAA` or `both` for records, or a code; keyed by name, by name and type, or by server and name. */
type World = Readonly<Record<string, string>>;

function outcome(said: string | undefined, type: LookupType): QueryOutcome {
  if (said === "silence") return { kind: "timeout" };
  if (said === "nobody") return { kind: "unreachable" };
  const reply = {
    kind: "reply",
    records: 0,
    wanted: 0,
    truncated: said === "cut",
    isReferral: said === "referral",
  } as const;
  if (said === "records" || said === type || said === "both" || said === "cut") {
    return { ...reply, rcode: "NOERROR", records: 1, wanted: 1 };
  }
  if (said === "alias") return { ...reply, rcode: "NOERROR", records: 1 };
  const isEmpty = said === undefined ? false : ["A", "AAAA", "nothing", "referral"].includes(said);
  return { ...reply, rcode: isEmpty ? "NOERROR" : (said ?? "NXDOMAIN") };
}

/** Walks through a world; gives the queries in their order, as `NAME TYPE` with the server when it is not the first. */
function walk(
  kind: ResolverKind,
  name: string,
  world: World,
  {
    types = both,
    servers = ["10.96.0.10"],
    searches = pod,
    options = ["ndots:5"],
  }: {
    readonly types?: readonly LookupType[];
    readonly servers?: readonly string[];
    readonly searches?: readonly string[];
    readonly options?: readonly string[];
  } = {},
): { readonly end: LookupEnd; readonly queries: readonly string[]; readonly waitedMs: number } {
  const settings = resolverSettings(kind, { nameservers: servers, searches, options });
  const steps = walkOf(settings, { name, types });
  const queries: string[] = [];
  let waitedMs = 0;
  const asked = (ask: Ask) => {
    const list = ask.types.flatMap((type) =>
      ask.servers.map((server): AskedQuery => {
        const bare = ask.name.slice(0, -1);
        const said = world[`${server} ${bare}`] ?? world[`${bare} ${type}`] ?? world[bare] ?? world[server];
        queries.push(
          `${bare} ${type}${server === servers[0] ? "" : ` @${server}`}${ask.transport === "tcp" ? " tcp" : ""}`,
        );
        return { type, server, outcome: outcome(ask.transport === "tcp" && said === "cut" ? "records" : said, type) };
      }),
    );
    // Of several servers, one that answers is enough.
    const isLate = ask.types.some((one) =>
      list.every(({ type, outcome }) => type !== one || outcome.kind === "timeout"),
    );
    const elapsedMs = isLate ? ask.waitMs : 0;
    waitedMs += elapsedMs;
    return { queries: list, elapsedMs };
  };
  let step = steps.next();
  while (step.done !== true) {
    if (step.value.kind === "wait") waitedMs += step.value.ms;
    step = steps.next(step.value.kind === "ask" ? asked(step.value) : { queries: [], elapsedMs: 0 });
  }
  return { end: step.value, queries, waitedMs };
}

const twice = (...names: readonly string[]) => names.flatMap((name) => [`${name} A`, `${name} AAAA`]);
const local = (name: string) => pod.map((domain) => `${name}.${domain}`);

describe("a lookup of both resolvers", () => {
  const table: readonly (readonly [string, World, LookupEnd, readonly string[]])[] = [
    // A Service of the pod's own namespace, of another one, and by its whole name
    ["web", { "web.demo.svc.cluster.local": "A" }, "found", local("web").slice(0, 1)],
    ["web.shop", { "web.shop.svc.cluster.local": "A" }, "found", local("web.shop").slice(0, 2)],
    ["web.shop.svc", { "web.shop.svc.cluster.local": "A" }, "found", local("web.shop.svc")],
    [
      "web.shop.svc.cluster.local",
      { "web.shop.svc.cluster.local": "A" },
      "found",
      [...local("web.shop.svc.cluster.local"), "web.shop.svc.cluster.local"],
    ],
    ["web.shop.svc.cluster.local.", { "web.shop.svc.cluster.local": "A" }, "found", ["web.shop.svc.cluster.local"]],
    // Names of the world
    ["api.example.com", { "api.example.com": "both" }, "found", [...local("api.example.com"), "api.example.com"]],
    ["api.example.com.", { "api.example.com": "AAAA" }, "found", ["api.example.com"]],
    ["a.b.c.d.e.example.com", { "a.b.c.d.e.example.com": "A" }, "found", ["a.b.c.d.e.example.com"]],
    ["nothing", {}, "no such name", [...local("nothing"), "nothing"]],
    ["nothing.", {}, "no such name", ["nothing"]],
  ];
  it.each(table)("of %s", (name, world, end, names) => {
    for (const kind of ["glibc", "musl"] as const) {
      expect(walk(kind, name, world)).toEqual({ end, queries: twice(...names), waitedMs: 0 });
    }
  });
});

describe("where resolvers differ", () => {
  const deep = "a.b.c.d.e.f";
  const table: readonly (readonly [
    string,
    string,
    World,
    Parameters<typeof walk>[3],
    readonly [LookupEnd, readonly string[], number],
    readonly [LookupEnd, readonly string[], number],
  ])[] = [
    [
      "after an answer without records",
      "bare",
      { "bare.svc.cluster.local": "nothing", bare: "A" },
      {},
      ["found", twice(...local("bare"), "bare"), 0],
      ["no data", twice(...local("bare").slice(0, 2)), 0],
    ],
    [
      "with as many dots as ndots says",
      deep,
      {},
      {},
      ["no such name", twice(deep, ...local(deep)), 0],
      ["no such name", twice(deep), 0],
    ],
    [
      "after SERVFAIL",
      "web",
      { "web.demo.svc.cluster.local": "SERVFAIL", "web.svc.cluster.local": "A" },
      {},
      ["found", twice(...Array<string>(2).fill("web.demo.svc.cluster.local"), "web.svc.cluster.local"), 0],
      ["try again", twice(...Array<string>(6).fill("web.demo.svc.cluster.local")), 5000],
    ],
    [
      "after REFUSED",
      "web",
      { "web.demo.svc.cluster.local": "REFUSED" },
      { options: ["ndots:5", "timeout:2"] },
      ["no such name", twice(...Array<string>(2).fill("web.demo.svc.cluster.local"), "web"), 0],
      ["try again", twice(...Array<string>(2).fill("web.demo.svc.cluster.local")), 2000],
    ],
    [
      "when nobody answers",
      "web.",
      { web: "silence" },
      { options: ["timeout:2", "attempts:3"] },
      ["try again", twice("web", "web", "web"), 6000],
      ["try again", twice("web", "web", "web"), 2000],
    ],
    [
      "with two servers",
      "web.",
      { web: "A" },
      { servers: ["10.0.0.1", "10.0.0.2"] },
      ["found", twice("web"), 0],
      ["found", ["web A", "web A @10.0.0.2", "web AAAA", "web AAAA @10.0.0.2"], 0],
    ],
    [
      "when the first of two servers is silent",
      "web.",
      { "10.0.0.1 web": "silence", web: "A" },
      { servers: ["10.0.0.1", "10.0.0.2"], options: ["timeout:1"] },
      ["found", ["web A", "web AAAA", "web A @10.0.0.2", "web AAAA @10.0.0.2"], 1000],
      ["found", ["web A", "web A @10.0.0.2", "web AAAA", "web AAAA @10.0.0.2"], 0],
    ],
    [
      "when an answer is cut",
      "big.",
      { "big A": "cut", "big AAAA": "nothing" },
      {},
      ["found", [...twice("big"), "big A tcp", "big AAAA tcp"], 0],
      ["found", [...twice("big"), "big A tcp"], 0],
    ],
    [
      "for SRV",
      "_http._tcp.web",
      { "_http._tcp.web.demo.svc.cluster.local": "SRV" },
      { types: ["SRV"] },
      ["found", ["_http._tcp.web.demo.svc.cluster.local SRV"], 0],
      ["no such name", ["_http._tcp.web SRV"], 0],
    ],
    [
      "with options of glibc",
      "web",
      { "web.demo.svc.cluster.local": "A" },
      { options: ["ndots:5", "no-aaaa", "use-vc"] },
      ["found", ["web.demo.svc.cluster.local A tcp"], 0],
      ["found", twice("web.demo.svc.cluster.local"), 0],
    ],
    [
      "with the root in the search list",
      "web",
      {},
      { searches: [".", "cluster.local"] },
      ["no such name", twice("web", "web.cluster.local"), 0],
      ["no such name", twice("web.cluster.local", "web"), 0],
    ],
  ];
  it.each(table)("%s", (_, name, world, options, glibc, musl) => {
    const row = ({ end, queries, waitedMs }: ReturnType<typeof walk>) => [end, queries, waitedMs];
    expect(row(walk("glibc", name, world, options))).toEqual(glibc);
    expect(row(walk("musl", name, world, options))).toEqual(musl);
  });
});

describe("glibc", () => {
  it("is told of a name without records when the search found one", () => {
    expect(walk("glibc", "bare", { "bare.svc.cluster.local": "nothing" }).end).toBe("no data");
  });
  it("believes what the name as it stands led to, when that was asked first", () => {
    expect(walk("glibc", "a.b", { "a.b": "nothing" }, { options: ["ndots:1"] })).toMatchObject({
      end: "no data",
      queries: twice("a.b", ...local("a.b")),
    });
  });
  it("takes the one answer that came, after it became careful", () => {
    const { end, queries, waitedMs } = walk("glibc", "web.", { "web A": "A", "web AAAA": "silence" });
    expect({ end, queries: queries.length, waitedMs }).toEqual({ end: "found", queries: 6, waitedMs: 15_000 });
  });
  it("gives up at once where nothing listens, and says so", () => {
    expect(walk("glibc", "web", { "10.96.0.10": "nobody" })).toMatchObject({
      end: "try again",
      queries: twice("web.demo.svc.cluster.local", "web.demo.svc.cluster.local"),
      waitedMs: 0,
    });
  });
  it("ends the search at an alias that leads to nothing", () => {
    expect(walk("glibc", "web", { "web.demo.svc.cluster.local": "alias" })).toMatchObject({
      end: "no data",
      queries: twice("web.demo.svc.cluster.local"),
    });
  });
  it("asks the next server when one only refers to others", () => {
    const servers = ["10.0.0.1", "10.0.0.2"];
    expect(walk("glibc", "web.", { "10.0.0.1 web": "referral", web: "A" }, { servers }).queries).toEqual([
      ...twice("web"),
      "web A @10.0.0.2",
      "web AAAA @10.0.0.2",
    ]);
  });
  it("lets servers take turns with rotate", () => {
    const settings = resolverSettings("glibc", {
      nameservers: ["10.0.0.1", "10.0.0.2"],
      searches: [],
      options: ["rotate"],
    });
    const first = walkOf(settings, { name: "web.", types: both }, 1).next().value;
    expect(first).toMatchObject({ kind: "ask", servers: ["10.0.0.2"], waitMs: 5000 });
  });
  it("never asks the world for names without a dot, when told so", () => {
    expect(walk("glibc", "nothing", {}, { options: ["ndots:5", "no-tld-query"] }).queries).toEqual(
      twice(...local("nothing")),
    );
  });
});

describe("resolverSettings()", () => {
  const table: readonly (readonly [ResolverKind, readonly string[], readonly string[], object])[] = [
    ["glibc", ["ndots:99", "timeout:99", "attempts:99"], pod, { ndots: 15, timeoutMs: 30_000, attempts: 5 }],
    ["musl", ["ndots:99", "timeout:99", "attempts:99"], pod, { ndots: 15, timeoutMs: 60_000, attempts: 10 }],
    ["glibc", [], pod, { ndots: 1, timeoutMs: 5000, attempts: 2, rotate: false }],
    ["glibc", ["ndots:x", "ndots:2"], pod, { ndots: 2 }],
    ["musl", ["rotate", "ndots:2"], pod, { rotate: false, remarks: ["musl does not know the options rotate"] }],
    [
      "musl",
      [],
      ["a".repeat(60), "b".repeat(60), "c".repeat(60), "d".repeat(60), "example"],
      {
        searches: [],
        remarks: ["musl does not read the search list: its line is longer than 254 bytes"],
      },
    ],
  ];
  it.each(table)("of %s with %j", (kind, options, searches, expected) => {
    expect(resolverSettings(kind, { nameservers: ["10.96.0.10"], searches, options })).toMatchObject(expected);
  });
  it("asks this machine when there is no server", () => {
    expect(resolverSettings("musl", { nameservers: [], searches: [], options: [] }).servers).toEqual(["127.0.0.1"]);
  });
});
