import { describe, expect, it } from "vitest";
import { createIdentity } from "../../apiserver/index.ts";
import { tlsProblem } from "./tls-problem.ts";

const one = createIdentity(1_790_000_000_000);
const other = createIdentity(1_790_000_000_000);
const files = (certificate: string, key: string, ca = one.caPem) => ({
  certificate: { path: "tls.crt", text: certificate },
  key: { path: "tls.key", text: key },
  ca: { path: "ca.crt", text: ca },
});
const half = (text: string) => text.slice(0, text.length / 2);

describe("tlsProblem()", () => {
  it("has nothing against what belongs together", () => {
    expect(tlsProblem(files(one.certificatePem, one.keyPem, one.caPem + other.caPem))).toBeUndefined();
    expect(tlsProblem({ ca: { path: "ca.crt", text: one.caPem } })).toBeUndefined();
    expect(tlsProblem({})).toBeUndefined();
  });

  it.each([
    ["a certificate of another key", files(other.certificatePem, one.keyPem), /^tls\.crt and tls\.key cannot be used/],
    ["an empty certificate", files("", one.keyPem), /^tls\.crt holds no usable certificate \(.+\): replace it$/],
    ["half of a certificate", files(half(one.caPem), one.keyPem), /^tls\.crt holds no usable certificate/],
    ["a chain that breaks off", files(one.certificatePem.slice(0, -60), one.keyPem), /^tls\.crt and tls\.key cannot/],
    ["an empty key", files(one.certificatePem, ""), /^tls\.key holds no usable private key/],
    ["half of a key", files(one.certificatePem, half(one.keyPem)), /^tls\.key holds no usable private key/],
    ["an empty authority", files(one.certificatePem, one.keyPem, ""), /^ca\.crt holds no .* \(no PEM certificate\)/],
    [
      "authorities that break off",
      files(one.certificatePem, one.keyPem, one.caPem + half(other.caPem)),
      /^ca\.crt holds/,
    ],
  ])("says what is wrong with %s", (_, pair, message) => {
    expect(tlsProblem(pair)).toMatch(message);
  });
});
