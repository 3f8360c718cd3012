import { CodedError } from "../../core/index.ts";
import type { Clock } from "../../core/index.ts";
import type { DnsConfiguration, DnsServer } from "../../dns/index.ts";

/** How waiting for the names of a cluster ends early. */
export interface NamesWait {
  readonly clock: Clock;
  /** Resolves when nobody wants them any more. */
  readonly closing: Promise<void>;
}

const leastWaitMs = 5000;

/** Waits for the names as long as the configuration allows at the start of a server. Never rejects. */
export async function namesOrLate(server: DnsServer, wait: NamesWait): Promise<void> {
  await readyOrLate(server, startupTimeout(server.configuration), wait);
}

/**
 * A new configuration may need objects that nobody has watched, or another cluster. Until they are there, the former one knows more.
 * Rejects with `CodedError` code `NamesMissing` when they do not come in time; `problem` says why, when it is known.
 */
export async function expectNames(
  server: DnsServer,
  problem: () => string | undefined,
  wait: NamesWait,
): Promise<void> {
  const ms = Math.max(leastWaitMs, startupTimeout(server.configuration));
  await readyOrLate(server, ms, wait);
  const missing = server.chains.find(({ data }) => data?.isSynced() === false)?.block.kubernetes;
  if (missing === undefined) return;
  const reason = problem();
  throw new CodedError(
    "NamesMissing",
    `${missing.file}:${missing.line}: kubernetes: the cluster's names did not arrive in ${ms / 1000} s` +
      `${reason === undefined ? "" : ` (${reason})`}: check its API and what this server may list there, then send SIGHUP or wait for reload`,
  );
}

function startupTimeout({ servers }: DnsConfiguration): number {
  return Math.max(0, ...servers.map(({ kubernetes }) => kubernetes?.startupTimeoutMs ?? 0));
}

/** Resolves when all names are there, after `ms`, or when nobody wants them any more. */
function readyOrLate(server: DnsServer, ms: number, { clock, closing }: NamesWait): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.schedule(ms, resolve);
    void Promise.race([server.whenReady(), closing]).then(() => {
      cancel();
      resolve();
    });
  });
}
