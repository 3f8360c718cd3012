import { describe, expect, it } from "vitest";
import { parseResolvConf } from "../../dns/index.ts";
import { searchNames } from "./stub-resolver.ts";

const pod = parseResolvConf(
  "search tour.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n",
);

describe("searchNames()", () => {
  it("tries the search list first for names with few dots", () => {
    expect(searchNames("web", pod)).toEqual([
      "web.tour.svc.cluster.local.",
      "web.svc.cluster.local.",
      "web.cluster.local.",
      "web.",
    ]);
  });
  it("tries a name with enough dots as it is first", () => {
    expect(searchNames("db.example.com", { ...pod, options: [] })[0]).toBe("db.example.com.");
  });
  it("never searches for a complete name", () => {
    expect(searchNames("web.tour.", pod)).toEqual(["web.tour."]);
  });
});
