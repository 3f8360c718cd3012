import type { Ip } from "../../core/index.ts";

/** At this many clients of one Service port the one that was away longest is forgotten: about 10 MB. */
const mostClients = 65_536;

/** Which endpoint each client of one Service port stays with. */
export interface AffinityTable {
  /** The key of the client's backend; `undefined` when it has none or was away too long. */
  find(client: Ip, now: number): string | undefined;
  /** From now on the client stays with this backend, for the timeout after its last connection. */
  set(client: Ip, backend: string, now: number): void;
  forget(client: Ip): void;
  readonly size: number;
}

/** An empty table. `timeoutMs` counts from a client's last connection. */
export function createAffinityTable(timeoutMs: number, capacity = mostClients): AffinityTable {
  // A client that is seen again goes to the end, so that the first one is always the first to expire.
  const clients = new Map<Ip, { readonly backend: string; readonly expires: number }>();
  const forgetExpired = (now: number): void => {
    for (const [client, { expires }] of clients) {
      if (expires > now) return;
      clients.delete(client);
    }
  };
  return {
    find(client, now) {
      const entry = clients.get(client);
      return entry === undefined || entry.expires <= now ? undefined : entry.backend;
    },
    set(client, backend, now) {
      forgetExpired(now);
      clients.delete(client);
      clients.set(client, { backend, expires: now + timeoutMs });
      if (clients.size <= capacity) return;
      for (const oldest of clients.keys()) {
        clients.delete(oldest);
        return;
      }
    },
    forget: (client) => void clients.delete(client),
    get size() {
      return clients.size;
    },
  };
}
