import { createHash, generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { certificateToSign, signedCertificate } from "./certificate.ts";
import type { CertificateRequest } from "./certificate.ts";
import { integer, oid, octetString, time } from "./der.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("integer()", () => {
  it.each([
    [[0], "020100"],
    [[0x7f], "02017f"],
    [[0x80], "02020080"],
    [[0, 0, 1], "020101"],
  ])("writes %j as %s", (bytes, expected) => expect(hex(integer(Uint8Array.from(bytes)))).toBe(expected));
});

describe("oid()", () => {
  it.each([
    ["2.5.29.17", "0603551d11"],
    ["1.2.840.10045.4.3.2", "06082a8648ce3d040302"],
  ])("writes %s", (dotted, expected) => expect(hex(oid(dotted))).toBe(expected));
});

describe("octetString()", () => {
  it("writes long lengths in as many bytes as they need", () => {
    expect(hex(octetString(new Uint8Array(127)).subarray(0, 2))).toBe("047f");
    expect(hex(octetString(new Uint8Array(128)).subarray(0, 3))).toBe("048180");
    expect(hex(octetString(new Uint8Array(256)).subarray(0, 4))).toBe("04820100");
  });
});

describe("time()", () => {
  it("changes from UTCTime to GeneralizedTime in 2050", () => {
    expect(Buffer.from(time(Date.UTC(2049, 11, 31, 23, 59, 59)).subarray(2)).toString()).toBe("491231235959Z");
    expect(Buffer.from(time(Date.UTC(2050, 0, 1)).subarray(2)).toString()).toBe("20500101000000Z");
  });
});

describe("signedCertificate()", () => {
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const server = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const request = (usage: CertificateRequest["usage"]): CertificateRequest => {
    const key = usage.kind === "authority" ? authority.publicKey : server.publicKey;
    return {
      serial: randomBytes(16),
      issuer: "test-ca",
      subject: usage.kind === "authority" ? "test-ca" : "test-server",
      notBefore: Date.UTC(2026, 0, 1),
      notAfter: Date.UTC(2055, 5, 7, 8, 9, 10),
      publicKey: key.export({ type: "spki", format: "der" }),
      subjectKeyId: createHash("sha1").update(usage.kind).digest(),
      issuerKeyId: createHash("sha1").update("authority").digest(),
      usage,
    };
  };
  const issue = (usage: CertificateRequest["usage"]): X509Certificate => {
    const toSign = certificateToSign(request(usage));
    return new X509Certificate(Buffer.from(signedCertificate(toSign, sign("sha256", toSign, authority.privateKey))));
  };

  it("makes an authority that OpenSSL accepts", () => {
    const ca = issue({ kind: "authority" });
    expect(ca.ca).toBe(true);
    expect(ca.verify(authority.publicKey)).toBe(true);
    expect(ca.subject).toBe("CN=test-ca");
    expect(new Date(ca.validTo).getTime()).toBe(Date.UTC(2055, 5, 7, 8, 9, 10));
  });

  it("makes a server certificate for names and addresses of both families", () => {
    const certificate = issue({ kind: "server", names: ["localhost", "kubernetes.default.svc", "127.0.0.1", "::1"] });
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(issue({ kind: "authority" }))).toBe(true);
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.checkHost("localhost")).toBe("localhost");
    expect(certificate.checkHost("example.com")).toBeUndefined();
    expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(certificate.checkIP("::1")).toBe("::1");
    expect(certificate.checkIP("127.0.0.2")).toBeUndefined();
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
  });
});
