import { describe, expect, it } from "vitest";
import { parseForwardTarget } from "./forward-target.ts";

describe("parseForwardTarget()", () => {
  it.each([
    ["svc/web", { kind: "svc", name: "web", port: undefined }],
    ["service/web:8080", { kind: "svc", name: "web", port: "8080" }],
    ["lb/shop:http", { kind: "lb", name: "shop", port: "http" }],
    ["ingress", { kind: "ingress", name: "ingress", port: undefined }],
  ])("reads %s", (text, expected) => expect(parseForwardTarget(text)).toEqual(expected));

  it.each(["web", "pod/web", "svc/", "svc/web:", "lb"])("refuses %j", (text) => {
    expect(() => parseForwardTarget(text)).toThrow("svc/NAME[:PORT]");
  });
});
