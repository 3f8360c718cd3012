import { describe, expect, it } from "vitest";
import { findingsOf } from "./findings.ts";
import { cheaperWays, costOf } from "./lookup-cost.ts";
import type { TracedLookup, TracedName, TracedQuery } from "./lookup-trace.ts";
import type { NameReason } from "./name-reason.ts";
import { resolverSettings } from "./resolver-settings.ts";
import type { ResolverKind } from "./resolver-settings.ts";
import type { AskedQuery, LookupEnd, LookupType, QueryOutcome, ResolverWalk } from "./resolver-step.ts";
import { walkOf } from "./walk-of.ts";

const both: readonly LookupType[] = ["A", "AAAA"];
const pod = {
  nameservers: ["10.96.0.10"],
  searches: ["demo.svc.cluster.local", "svc.cluster.local", "cluster.local"],
  options: ["ndots:5"],
};

function traced(query: AskedQuery, more: Partial<TracedQuery> = {}): TracedQuery {
  return {
    ...query,
    transport: "udp",
    answers: [],
    microseconds: 100,
    again: undefined,
    answeredBy: "x",
    why: "y",
    reasons: [],
    ...more,
  };
}

/** Traces a walk in which only `exists` exists, with records of `types`. */
function trace(
  kind: ResolverKind,
  name: string,
  exists: string,
  types: readonly LookupType[] = ["A"],
  conf = pod,
): TracedLookup {
  const settings = resolverSettings(kind, conf);
  const steps: ResolverWalk = walkOf(settings, { name, types: both });
  const names: TracedName[] = [];
  let queries: TracedQuery[] = [];
  let step = steps.next();
  let last: { readonly name: string; readonly origin: TracedName["origin"] } | undefined;
  while (step.done !== true) {
    const { value } = step;
    if (value.kind === "ask") {
      last = value;
      const rcode = value.name === exists ? "NOERROR" : "NXDOMAIN";
      queries = value.types.flatMap((type) =>
        value.servers.map((server) => {
          const wanted = value.name === exists && types.includes(type) ? 1 : 0;
          const outcome: QueryOutcome = {
            kind: "reply",
            rcode,
            records: wanted,
            wanted,
            truncated: false,
            isReferral: false,
          };
          return traced({ type, server, outcome });
        }),
      );
    }
    if (value.kind === "decided" && last !== undefined)
      names.push({ name: last.name, origin: last.origin, queries, goesOn: value.goesOn, why: value.why });
    step = steps.next({ queries, elapsedMs: 0 });
  }
  return { settings, names, skipped: [], end: step.value, results: [], microseconds: 0 };
}

const ways = (one: TracedLookup, name: string, mayAutopath = true) =>
  cheaperWays(one, { name, types: both }, mayAutopath).map(({ kind, queries }) => `${kind} ${queries}`);

describe("what a lookup costs", () => {
  const table: readonly (readonly [
    ResolverKind,
    string,
    string,
    readonly LookupType[],
    [number, number],
    readonly string[],
  ])[] = [
    [
      "glibc",
      "api.example.com",
      "api.example.com.",
      ["A"],
      [8, 7],
      ["final dot 2", "ndots 2", "searches 2", "autopath 2", "no-aaaa 4"],
    ],
    [
      "musl",
      "api.example.com",
      "api.example.com.",
      ["A", "AAAA"],
      [8, 6],
      ["final dot 2", "ndots 2", "searches 2", "autopath 2"],
    ],
    [
      "glibc",
      "web.shop",
      "web.shop.svc.cluster.local.",
      ["A"],
      [4, 3],
      ["final dot 2", "searches 2", "no-aaaa 2", "autopath 2"],
    ],
    ["glibc", "web", "web.demo.svc.cluster.local.", ["A", "AAAA"], [2, 0], []],
    ["glibc", "nothing", "", [], [8, 8], []],
  ];
  it.each(table)("for %s and %s", (kind, name, exists, types, [queries, inVain], cheaper) => {
    const one = trace(kind, name, exists, types);
    expect(costOf(one)).toEqual({ queries, inVain });
    expect(ways(one, name)).toEqual(cheaper);
  });
  it("grows with the servers that musl asks at once", () => {
    const one = trace("musl", "api.example.com", "api.example.com.", ["A"], {
      ...pod,
      nameservers: ["10.0.0.1", "10.0.0.2"],
    });
    expect(costOf(one).queries).toBe(16);
    expect(ways(one, "api.example.com")).toContain("autopath 4");
  });
  it("knows nothing of autopath where it is not for the pod", () => {
    expect(ways(trace("glibc", "web.shop", "web.shop.svc.cluster.local."), "web.shop", false)).not.toContain(
      "autopath 2",
    );
  });
});

describe("findingsOf()", () => {
  const none = { text: "", clusterNames: [] };
  const fail = (queries: readonly Partial<TracedQuery>[], end: LookupEnd = "no such name") => ({
    end,
    names: [
      {
        name: "x.",
        origin: { kind: "as-is" } as const,
        goesOn: false,
        why: "",
        queries: queries.map((more) => traced({ type: "A", server: "10.96.0.10", outcome: { kind: "timeout" } }, more)),
      },
    ],
  });
  const reply = (rcode: string): QueryOutcome => ({
    kind: "reply",
    rcode,
    records: 0,
    wanted: 0,
    truncated: false,
    isReferral: false,
  });
  const reasons = (...list: readonly (readonly [NameReason["kind"], string, readonly string[]])[]) =>
    list.map(([kind, text, near]) => ({ kind, text, near }));
  const table: readonly (readonly [string, ...Parameters<typeof findingsOf>, readonly string[]])[] = [
    ["nothing to explain", fail([{ why: "silent" }], "found"), none, []],
    [
      "a missing Service",
      fail([
        {
          outcome: reply("NXDOMAIN"),
          reasons: reasons(["no such service", "no Service", ["web.shop"]], ["no such namespace", "no namespace", []]),
        },
      ]),
      none,
      ["no Service", "similar names that exist: web.shop"],
    ],
    [
      "no ready endpoint",
      fail([
        {
          outcome: reply("NXDOMAIN"),
          reasons: reasons(["no ready endpoints", "not ready", []], ["no such namespace", "no namespace", ["db.demo"]]),
        },
      ]),
      none,
      ["not ready"],
    ],
    [
      "no upstream",
      fail([
        {
          outcome: reply("SERVFAIL"),
          answeredBy: "no upstream",
          why: "192.0.2.1:53 is silent (2000 ms), 192.0.2.1:53 is silent (2001 ms)",
        },
      ]),
      none,
      ["no upstream of cluster DNS answers: 192.0.2.1:53 is silent"],
    ],
    [
      "a failure that is remembered",
      fail([
        { outcome: reply("SERVFAIL"), answeredBy: "cache", why: "heard 1 s ago" },
        { outcome: reply("SERVFAIL"), answeredBy: "cache", why: "heard 2 s ago" },
      ]),
      none,
      ["cluster DNS remembers for a moment that its upstreams failed"],
    ],
    [
      "an upstream that is waited for",
      fail([{ why: "so far 192.0.2.1:53 is silent" }]),
      none,
      ["cluster DNS waits for its upstreams: so far 192.0.2.1:53 is silent"],
    ],
    [
      "a silent server",
      fail([{ why: "10.96.0.10 is silent" }, { why: "10.96.0.10 is silent" }]),
      none,
      ["10.96.0.10 is silent"],
    ],
    [
      "a refusal",
      fail([{ outcome: reply("REFUSED"), answeredBy: "acl", why: "the plugin acl decides it" }]),
      none,
      ["10.96.0.10 answers REFUSED: acl, the plugin acl decides it"],
    ],
    [
      "another DNS",
      fail([{ outcome: reply("NXDOMAIN") }]),
      { text: "its dnsPolicy is Default", clusterNames: ["web.demo."] },
      ["its dnsPolicy is Default; cluster DNS knows web.demo."],
    ],
  ];
  /** A lookup that goes through the search list; `reasonsOf` are the cluster's words for each name of it. */
  const searched = (
    name: string,
    reasonsOf: readonly (readonly [NameReason["kind"], string, readonly string[]])[],
    last: Partial<TracedQuery>,
  ) => ({
    end: "no such name" as const,
    names: ["default.svc.cluster.local.", "svc.cluster.local.", "cluster.local.", ""].map((domain, index) => ({
      name: `${name}.${domain}`,
      origin: domain === "" ? ({ kind: "as-is" } as const) : ({ kind: "search", index, domain } as const),
      goesOn: domain !== "",
      why: "",
      queries: [
        traced(
          { type: "A", server: "10.96.0.10", outcome: reply("NXDOMAIN") },
          domain === ""
            ? last
            : { answeredBy: "cluster zone", reasons: reasons(reasonsOf[index] ?? ["nothing here", "", []]) },
        ),
      ],
    })),
  });
  const upstream = { answeredBy: "upstream 192.0.2.1:53" };
  const denied: typeof table = [
    [
      "a name of the world that does not exist, issue-5",
      searched(
        "api.example.com",
        [
          ["no such service", "no Service default/com", []],
          ["no such namespace", "no namespace com", []],
        ],
        upstream,
      ),
      none,
      ["api.example.com does not exist: upstream 192.0.2.1:53 says NXDOMAIN"],
    ],
    [
      "one that is remembered not to exist",
      searched("api.example.com", [["no such service", "no Service default/com", []]], { answeredBy: "cache" }),
      none,
      ["api.example.com does not exist: cluster DNS remembers that an upstream said NXDOMAIN"],
    ],
    [
      "one without addresses",
      searched("api.example.com", [["no such service", "no Service default/com", []]], {
        ...upstream,
        outcome: reply("NOERROR"),
      }),
      none,
      ["api.example.com has no A records: upstream 192.0.2.1:53 says so"],
    ],
    [
      "one that may be a Service's",
      searched(
        "cart.shop",
        [
          ["no such service", "no Service default/shop", []],
          ["no such service", "no Service shop/cart", []],
        ],
        upstream,
      ),
      none,
      ["cart.shop does not exist: upstream 192.0.2.1:53 says NXDOMAIN", "no Service shop/cart"],
    ],
    [
      "a Service with another name that exists",
      searched(
        "wbe.shop",
        [
          ["no such service", "no Service default/shop", []],
          ["no such service", "no Service shop/wbe", ["web.shop"]],
        ],
        upstream,
      ),
      none,
      ["no Service shop/wbe", "similar names that exist: web.shop"],
    ],
    [
      "a Service of the pod's namespace",
      searched("cart", [["no such service", "no Service default/cart", []]], upstream),
      none,
      ["no Service default/cart"],
    ],
    [
      "a name that only another DNS was asked for",
      fail([{ outcome: reply("NXDOMAIN"), answeredBy: "192.0.2.1" }]),
      none,
      ["x does not exist: 192.0.2.1 says NXDOMAIN"],
    ],
    [
      "a name whose upstream failed once",
      searched("api.example.com", [["no such service", "no Service default/com", []]], {
        ...upstream,
        outcome: reply("SERVFAIL"),
        why: "it was asked",
      }),
      none,
      ["10.96.0.10 answers SERVFAIL: upstream 192.0.2.1:53, it was asked"],
    ],
  ];
  it.each([...table, ...denied])("of %s", (_, lookup, facts, expected) =>
    expect(findingsOf(lookup, facts)).toEqual(expected),
  );
});
