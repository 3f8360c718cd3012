import { createHash } from "node:crypto";
import { CodedError } from "../../core/index.ts";
import { readCorefile } from "../../dns/index.ts";
import type { DnsConfiguration } from "../../dns/index.ts";
import { importedFiles, readTextFile } from "./dns-files.ts";
import { tlsProblem } from "./tls-problem.ts";

/** Where the configuration of a DNS server comes from. */
export type DnsSource =
  | { readonly kind: "corefile"; readonly path: string }
  /** Flags said it; it never changes. */
  | { readonly kind: "fixed"; readonly configuration: DnsConfiguration };

/** What reading a source needs. */
export interface DnsSourceContext {
  /** Reads a file that the configuration names; from the disk unless given. */
  readonly readText?: ((path: string) => string | undefined) | undefined;
  readonly environment: (name: string) => string | undefined;
  /** The port of blocks that name none. */
  readonly port?: number | undefined;
}

/** A configuration, or why there is none, and a hash of everything that was read for it. */
export type DnsReading =
  | { readonly kind: "read"; readonly configuration: DnsConfiguration; readonly fingerprint: string }
  | { readonly kind: "failed"; readonly error: CodedError; readonly fingerprint: string };

/** Reads a configuration with all files that it names. */
export function readDnsSource(
  source: DnsSource,
  { readText = readTextFile, environment, port }: DnsSourceContext,
): DnsReading {
  if (source.kind === "fixed") return { kind: "read", configuration: source.configuration, fingerprint: "fixed" };
  const hash = createHash("sha256");
  const seen = (path: string, text: string | undefined) => {
    hash.update(`${path}\n${text === undefined ? "missing" : `${text.length}\n${text}`}\n`);
    return text;
  };
  const imports = importedFiles(source.path);
  const fail = (error: CodedError): DnsReading => ({ kind: "failed", error, fingerprint: hash.digest("hex") });
  const text = seen(source.path, readTextFile(source.path));
  if (text === undefined) {
    return fail(new CodedError("InvalidCorefile", `${source.path} cannot be read: check the path and who may read it`));
  }
  try {
    const configuration = readCorefile(text, source.path, {
      environment,
      ...(port === undefined ? {} : { port }),
      readText: (path) => seen(path, readText(path)),
      tlsProblem,
      files: (pattern) => {
        const files = imports(pattern);
        for (const file of files) seen(file.path, file.text);
        return files;
      },
    });
    return { kind: "read", configuration, fingerprint: hash.digest("hex") };
  } catch (error) {
    if (error instanceof CodedError) return fail(error);
    throw error;
  }
}
