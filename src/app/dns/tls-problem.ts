import { X509Certificate, createPrivateKey } from "node:crypto";
import { messageOf } from "../../core/index.ts";
import type { PemFile, TlsFiles } from "../../dns/index.ts";

/**
 * Why TLS cannot be made of these files: the name of the file, the reason and what to do. Undefined when it can. Files that are being
 * replaced are half there, or belong to another pair.
 */
export function tlsProblem({ certificate, key, ca }: TlsFiles): string | undefined {
  const tries: readonly (readonly [PemFile | undefined, string, (text: string) => unknown])[] = [
    [certificate, "certificate", (text) => new X509Certificate(text)],
    [key, "private key", (text) => createPrivateKey(text)],
    [ca, "certificate of an authority", readAuthorities],
  ];
  for (const [file, what, read] of tries) {
    const reason = file === undefined ? undefined : reasonAgainst(() => read(file.text));
    if (file !== undefined && reason !== undefined)
      return `${file.path} holds no usable ${what} (${reason}): replace it`;
  }
  if (certificate === undefined || key === undefined) return undefined;
  // Loaded only for those who use certificates.
  const { createSecureContext } = process.getBuiltinModule("node:tls");
  const reason = reasonAgainst(() => createSecureContext({ cert: certificate.text, key: key.text }));
  if (reason === undefined) return undefined;
  return `${certificate.path} and ${key.path} cannot be used together (${reason}): replace both`;
}

function reasonAgainst(attempt: () => unknown): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

const begin = "-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----";
const authority = new RegExp(`${begin}[^-]+${begin.replace("BEGIN", "END")}`, "g");

/** TLS takes the authorities that it can read and leaves the others out silently. Throws an error for one that it would leave out. */
function readAuthorities(text: string): void {
  const found = text.match(authority) ?? [];
  if (found.length === 0) throw new Error("no PEM certificate");
  if (found.length < text.split(new RegExp(begin)).length - 1) throw new Error("a certificate without its end");
  for (const one of found) void new X509Certificate(one);
}
