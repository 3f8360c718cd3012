import { describe, expect, it } from "vitest";
import { explanationOf } from "./explanation.ts";
import type { NameReason } from "./name-reason.ts";
import type { QuestionNote } from "./question-note.ts";

const answered = (plugin: string, name: string, rcode = "NOERROR"): QuestionNote => ({
  kind: "answered",
  plugin,
  name,
  type: "A",
  rcode,
});
const upstream = (server: string, outcome: string, ms = 1.25): QuestionNote => ({
  kind: "upstream",
  server,
  transport: "udp",
  outcome,
  ms,
});
const looksUp = (plugin: string, name: string): QuestionNote => ({ kind: "looks-up", plugin, name, type: "A" });
const reason = (text: string): NameReason => ({ kind: "known", text, near: [] });

const table: readonly (readonly [notes: readonly QuestionNote[], answeredBy: string, why: string])[] = [
  [[answered("kubernetes", "web.")], "cluster zone", "Service tour/web"],
  [[answered("kubernetes", "other.")], "cluster zone", "the cluster's objects say so"],
  [[answered("reverse", "1.in-addr.arpa.")], "reverse zone", "a Service or an endpoint has this address"],
  [[answered("reverse", "1.in-addr.arpa.", "NXDOMAIN")], "reverse zone", "no Service and no endpoint has this address"],
  [[answered("hosts", "x.")], "hosts", "the plugin hosts decides it"],
  [[answered("none", "x.", "REFUSED")], "nobody", "no plugin of the server is for this name"],
  [
    [{ kind: "remembered", ageSeconds: 3, leftSeconds: 27 }, answered("forward", "x.")],
    "cache",
    "heard 3 s ago, remembered for 27 s more",
  ],
  [
    [{ kind: "remembered", ageSeconds: 40, leftSeconds: -10 }, answered("forward", "x.")],
    "cache",
    "heard 40 s ago, remembered stale for 10 s",
  ],
  [
    [upstream("192.0.2.1:53", "NOERROR"), answered("forward", "x.")],
    "upstream 192.0.2.1:53",
    "it was asked, and took 1.3 ms",
  ],
  [
    [upstream("192.0.2.1:53", "SERVFAIL"), upstream("192.0.2.2:53", "NOERROR"), answered("forward", "x.")],
    "upstream 192.0.2.2:53",
    "it was asked, and took 1.3 ms, after 192.0.2.1:53 says SERVFAIL",
  ],
  [
    [
      upstream("192.0.2.1:53", "timeout", 2000),
      upstream("192.0.2.2:53", "error"),
      answered("forward", "x.", "SERVFAIL"),
    ],
    "no upstream",
    "192.0.2.1:53 is silent (2000 ms), 192.0.2.2:53 cannot be reached (1 ms)",
  ],
  [[answered("forward", "x.")], "upstream", "the same question was already on its way to it"],
  [[], "nobody", "the server still waits for another one"],
  [[upstream("192.0.2.1:53", "timeout")], "nobody", "so far 192.0.2.1:53 is silent"],
  [
    [answered("kubernetes", "x.tour.", "NXDOMAIN"), looksUp("autopath", "web."), answered("kubernetes", "web.")],
    "autopath, cluster zone",
    "found as web.; Service tour/web",
  ],
  [
    [
      answered("kubernetes", "x.", "NXDOMAIN"),
      looksUp("autopath", "y."),
      answered("kubernetes", "y.", "NXDOMAIN"),
      looksUp("autopath", "web."),
      answered("kubernetes", "web."),
    ],
    "autopath, cluster zone",
    "found as web. (after 1 other name); Service tour/web",
  ],
  [
    [answered("kubernetes", "web.", "NXDOMAIN"), looksUp("autopath", "y."), answered("kubernetes", "y.", "NXDOMAIN")],
    "autopath, cluster zone",
    "Service tour/web; nor is there y.",
  ],
  // An alias that was followed says nothing about who searched.
  [[looksUp("rewrite", "web."), answered("kubernetes", "web.")], "cluster zone", "Service tour/web"],
];

describe("explanationOf()", () => {
  it.each(table)("%j", (notes, answeredBy, why) => {
    const reasons = [{ name: "web.", reason: reason("Service tour/web") }];
    expect(explanationOf({ notes, reasons })).toEqual({ answeredBy, why });
  });
});
