import { ipToBytes, parseIp } from "../../core/index.ts";
import {
  bitString,
  boolean,
  concat,
  explicit,
  integer,
  octetString,
  oid,
  sequence,
  set,
  tagged,
  time,
  utf8String,
} from "./der.ts";

/** What a certificate says. Keys are EC P-256, the signature is ECDSA with SHA-256. */
export interface CertificateRequest {
  /** Up to 20 random bytes. */
  readonly serial: Uint8Array;
  /** Common names of who signs and of whom the certificate is. */
  readonly issuer: string;
  readonly subject: string;
  /** Validity, milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** The subject's public key as SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** SHA-1 (or any other identifier) of the subject's and the issuer's public key. */
  readonly subjectKeyId: Uint8Array;
  readonly issuerKeyId: Uint8Array;
  readonly usage:
    | { readonly kind: "authority" }
    /** Host names and addresses for which the server may speak. */
    | { readonly kind: "server"; readonly names: readonly string[] };
}

const ecdsaWithSha256 = sequence(oid("1.2.840.10045.4.3.2"));

/** The part of the certificate that is signed (TBSCertificate of RFC 5280). */
export function certificateToSign(request: CertificateRequest): Uint8Array {
  const { serial, issuer, subject, notBefore, notAfter, publicKey } = request;
  const version3 = explicit(0, integer(Uint8Array.of(2)));
  return sequence(
    version3,
    integer(serial),
    ecdsaWithSha256,
    distinguishedName(issuer),
    sequence(time(notBefore), time(notAfter)),
    distinguishedName(subject),
    publicKey,
    explicit(3, sequence(...extensions(request))),
  );
}

/** The whole certificate, DER. `signature` is the DER form of ECDSA over SHA-256 of `toSign`. */
export function signedCertificate(toSign: Uint8Array, signature: Uint8Array): Uint8Array {
  return sequence(toSign, ecdsaWithSha256, bitString(signature));
}

function distinguishedName(commonName: string): Uint8Array {
  return sequence(set(sequence(oid("2.5.4.3"), utf8String(commonName))));
}

function extensions(request: CertificateRequest): readonly Uint8Array[] {
  const keyIds = [
    extension("2.5.29.14", false, octetString(request.subjectKeyId)),
    extension("2.5.29.35", false, sequence(tagged(0x80, request.issuerKeyId))),
  ];
  if (request.usage.kind === "authority") {
    return [
      extension("2.5.29.19", true, sequence(boolean(true))),
      // digitalSignature, keyCertSign, cRLSign
      extension("2.5.29.15", true, bitString(Uint8Array.of(0x86), 1)),
      ...keyIds,
    ];
  }
  return [
    extension("2.5.29.19", true, sequence()),
    // digitalSignature
    extension("2.5.29.15", true, bitString(Uint8Array.of(0x80), 7)),
    // serverAuth
    extension("2.5.29.37", false, sequence(oid("1.3.6.1.5.5.7.3.1"))),
    extension("2.5.29.17", false, sequence(...request.usage.names.map(generalName))),
    ...keyIds,
  ];
}

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** `iPAddress` for addresses, `dNSName` for everything else (RFC 5280 4.2.1.6). */
function generalName(name: string): Uint8Array {
  const address = parseIp(name);
  return address === undefined
    ? tagged(0x82, new TextEncoder().encode(name))
    : tagged(0x87, concat([ipToBytes(address)]));
}
