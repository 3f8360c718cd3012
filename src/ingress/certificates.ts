import type { SecureContext } from "node:tls";
import { createSecureContext } from "node:tls";
import { messageOf } from "../core/index.ts";
import type { Logger } from "../core/index.ts";
import { keyOf } from "../objects/index.ts";
import type { AnyObject, Cache } from "../objects/index.ts";
import type { TlsIdentity } from "../net/index.ts";
import type { RouteTable } from "./route-table.ts";

export interface CertificatesOptions {
  readonly table: () => RouteTable;
  /** Without Secrets only the fallback is there. */
  readonly secrets: Cache<AnyObject> | undefined;
  /** For server names without a usable certificate of their own. */
  readonly fallback: TlsIdentity | undefined;
  readonly log: Logger;
}

/** The certificates of the router. */
export interface Certificates {
  readonly fallback: TlsIdentity | undefined;
  /** For a server name (SNI); `undefined` when there is none: the handshake fails then. */
  contextFor(serverName: string): SecureContext | undefined;
}

/**
 * Chooses the certificate for a server name: that of the Ingress's Secret (type kubernetes.io/tls), else the fallback. A bad
 * Secret is told once in the log and degrades only its own hosts. Contexts are made when first asked for.
 */
export function createCertificates(options: CertificatesOptions): Certificates {
  const { fallback, log, secrets, table } = options;
  const contexts = new WeakMap<AnyObject, { readonly context: SecureContext | undefined }>();
  let fallbackContext: SecureContext | undefined;

  const ofSecret = (secret: AnyObject): SecureContext | undefined => {
    const known = contexts.get(secret);
    if (known !== undefined) return known.context;
    let context: SecureContext | undefined;
    try {
      context = createSecureContext({
        cert: decode(secret, "tls.crt"),
        key: decode(secret, "tls.key"),
        minVersion: "TLSv1.2",
      });
    } catch (error) {
      const { namespace, name } = secret.metadata;
      log.warn("a TLS Secret cannot be used", { secret: keyOf(namespace, name), error: messageOf(error) });
    }
    contexts.set(secret, { context });
    return context;
  };
  const contextFor = (serverName: string): SecureContext | undefined => {
    const wanted = table().tlsFor(serverName);
    const secret = wanted && secrets?.get(wanted.namespace, wanted.secretName);
    const own = secret && ofSecret(secret);
    if (own !== undefined || fallback === undefined) return own;
    fallbackContext ??= createSecureContext({
      cert: fallback.certificatePem,
      key: fallback.keyPem,
      minVersion: "TLSv1.2",
    });
    return fallbackContext;
  };
  return { fallback, contextFor };
}

function decode(secret: AnyObject, field: string): string {
  const data = secret["data"];
  const text =
    typeof data === "object" && data !== null && field in data ? (data as Record<string, unknown>)[field] : undefined;
  if (typeof text !== "string") throw new Error(`it has no ${field}`);
  return Buffer.from(text, "base64").toString("utf8");
}
