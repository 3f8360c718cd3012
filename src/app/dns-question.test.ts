import { describe, expect, it } from "vitest";
import { ip, seededRandom } from "../core/index.ts";
import { createStaticZone } from "../dns/index.ts";
import { systemClock } from "../net/index.ts";
import { lookupIn } from "./dns-question.ts";

const zone = createStaticZone(
  { "db.example.com": [ip("192.168.100.50"), ip("192.168.100.51")] },
  { clock: systemClock, random: seededRandom(1) },
);
const lookup = lookupIn(zone);

describe("lookupIn()", () => {
  it("gives one address, or all", async () => {
    const one = await new Promise((resolve) => lookup("db.example.com", {}, (_error, address) => resolve(address)));
    expect(one).toMatch(/^192\.168\.100\.5[01]$/);
    const all = await new Promise((resolve) =>
      lookup("db.example.com", { all: true }, (_error, addresses) => resolve(addresses)),
    );
    expect(all).toHaveLength(2);
  });

  it.each(["nobody.example.com", "bad..name"])("says ENOTFOUND for %s", async (name) => {
    const error = await new Promise((resolve) => lookup(name, {}, (problem) => resolve(problem)));
    expect(error).toMatchObject({ code: "ENOTFOUND", hostname: name });
  });
});
