import type { LookupFunction } from "node:net";
import type { Clock, Logger, Random } from "../core/index.ts";
import { createIngressRouter } from "../ingress/index.ts";
import type { IngressRouterOptions } from "../ingress/index.ts";
import type { BuiltIn } from "../lab/index.ts";

/** The ports on which the router's container listens. */
const httpPort = 80;
const httpsPort = 443;

/** What a router is made from; the caches are made when the first router starts, so that a lab without Ingress pays nothing. */
export interface IngressBuiltInOptions {
  readonly caches: () => IngressRouterOptions["caches"];
  readonly nodeName: string;
  /** Resolves the names of ExternalName backends. */
  readonly lookup: LookupFunction;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: Random;
}

/** The Ingress router as a program that runs in a pod: it listens in the pod's namespace and dials from the node's. */
export function ingressBuiltIn(options: IngressBuiltInOptions): BuiltIn {
  return async ({ inNamespace }) => {
    const { nodeName, lookup, clock, log, random } = options;
    const router = createIngressRouter({ caches: options.caches(), nodeName, lookup, clock, log, random });
    await router.listen({ httpPort, httpsPort, open: (listen) => inNamespace(listen) });
    return { stop: () => router.stop() };
  };
}
