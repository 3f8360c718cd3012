import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { certificateToSign, signedCertificate } from "../../codec/index.ts";
import type { CertificateRequest } from "../../codec/index.ts";

/** What the API server shows to clients and what clients check it against. All PEM. */
export interface ServerIdentity {
  readonly keyPem: string;
  /** The server's certificate, followed by the authority's. */
  readonly certificatePem: string;
  readonly caPem: string;
}

const dayMs = 86_400_000;
const standardNames: readonly string[] = [
  "127.0.0.1",
  "::1",
  "localhost",
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
];

/**
 * Makes a fresh authority and a server certificate for the standard names and `names` (host names or addresses),
 * valid for ten years from `nowMs` (milliseconds since 1970). The authority's key is thrown away.
 */
export function createIdentity(nowMs: number, names: readonly string[] = []): ServerIdentity {
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const server = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuerKeyId = keyId(authority.publicKey);
  const common = {
    issuer: "sealane-ca",
    notBefore: nowMs - dayMs,
    notAfter: nowMs + 3650 * dayMs,
    issuerKeyId,
  };
  const ca = issue(authority.privateKey, {
    ...common,
    serial: serial(),
    subject: "sealane-ca",
    publicKey: spki(authority.publicKey),
    subjectKeyId: issuerKeyId,
    usage: { kind: "authority" },
  });
  const certificate = issue(authority.privateKey, {
    ...common,
    serial: serial(),
    subject: "kube-apiserver",
    publicKey: spki(server.publicKey),
    subjectKeyId: keyId(server.publicKey),
    usage: { kind: "server", names: [...new Set([...standardNames, ...names])] },
  });
  return {
    keyPem: server.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    certificatePem: certificate + ca,
    caPem: ca,
  };
}

function issue(authorityKey: KeyObject, request: CertificateRequest): string {
  const toSign = certificateToSign(request);
  return pem(signedCertificate(toSign, sign("sha256", toSign, authorityKey)));
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

function keyId(key: KeyObject): Buffer {
  return createHash("sha1").update(spki(key)).digest();
}

/** 16 random bytes, positive and never zero. */
function serial(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
