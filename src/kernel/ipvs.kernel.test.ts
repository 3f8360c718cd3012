import { describe, expect, it } from "vitest";
import { CodedError } from "../core/index.ts";
import { openIpvs } from "./ipvs.ts";

describe("openIpvs()", () => {
  it("works, or says what this kernel lacks and what to do", () => {
    let problem: unknown;
    try {
      openIpvs().close();
    } catch (error) {
      problem = error;
    }
    if (problem === undefined) return;
    expect(problem).toBeInstanceOf(CodedError);
    expect(problem).toMatchObject({
      code: "IpvsMissing",
      message: expect.stringMatching(/no IPVS.*modprobe ip_vs.*use proxy mode nftables or iptables/),
    });
  });
});
