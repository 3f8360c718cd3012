import { describe, expect, it } from "vitest";
import { silentLogger } from "../../core/index.ts";
import { defaultProxySettings } from "../../proxy/index.ts";
import { openEngine } from "./open-engine.ts";

describe("openEngine()", () => {
  it("does not take another scheduler than the one asked for of all Services", async () => {
    const settings = { ...defaultProxySettings, scheduler: "random" } as const;
    await expect(openEngine("ipvs", { settings, log: silentLogger })).rejects.toMatchObject({
      code: "ProxyModeUnavailable",
      message: expect.stringContaining("IPVS has no scheduler random") as string,
    });
  });
});
