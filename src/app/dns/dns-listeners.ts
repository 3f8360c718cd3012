import type { Answer, DnsEndpoint, DnsServer } from "../../dns/index.ts";
import { openDatagramBatches } from "../../kernel/index.ts";
import { listenDns } from "../../net/index.ts";
import type { DnsListener, TlsIdentity } from "../../net/index.ts";
import type { Watcher } from "./explanations.ts";

/** The sockets of a DNS server. They stay open when the server behind them is replaced. */
export interface DnsListeners {
  /**
   * Listens where `server` wants to, and lets it answer there from then on. Rejects with `CodedError` when a new place cannot
   * be listened to; then everything is as before.
   */
  apply(server: DnsServer): Promise<void>;
  /** From now on `watcher` is asked for each message whether it wants it explained. */
  watch(watcher: Watcher | undefined): void;
  /** `udp://10.96.0.10:53` and so on. */
  readonly places: readonly string[];
  /** Answers what has arrived, then closes. */
  close(graceMs: number): Promise<void>;
}

/** Which addresses `bind` means. */
export type AddressesOf = (host: string | undefined, except: readonly string[]) => readonly string[];

/** One place: the endpoint that answers there now, and its sockets. */
interface Slot {
  endpoint: DnsEndpoint;
  answer: Answer;
  readonly listener: DnsListener;
  identity: TlsIdentity | undefined;
}

interface Wanted {
  readonly endpoint: DnsEndpoint;
  readonly address: string;
}

/** Sockets that were closed by a new configuration may still have answers on their way. */
const graceMs = 5000;

/** Makes the sockets of DNS servers. */
export function createDnsListeners(addressesOf: AddressesOf): DnsListeners {
  const slots = new Map<string, Slot>();
  let watcher: Watcher | undefined;

  const answerOf = (endpoint: DnsEndpoint): Answer => {
    const wanted = watcher;
    if (wanted === undefined) return endpoint.answer;
    return (...message) => {
      const note = wanted(...message);
      return note === undefined ? endpoint.answer(...message) : endpoint.explain(note, ...message);
    };
  };
  const open = async ({ endpoint, address }: Wanted): Promise<Slot> => {
    const identity = identityOf(endpoint);
    const slot = { endpoint, identity, answer: answerOf(endpoint) };
    const listener = listenDns({
      addresses: [address],
      port: endpoint.port,
      batches: openDatagramBatches(),
      // Whoever is in the slot when a query comes answers it: replacing it loses none.
      answer: (query, transport, client) => slot.answer(query, transport, client),
      transfer: (query, client) => slot.endpoint.transfer?.(query, client),
      ...(identity === undefined ? {} : { tls: identity }),
    });
    await listener.ready;
    return Object.assign(slot, { listener });
  };

  return {
    apply: async (server) => {
      const wanted = new Map<string, Wanted>();
      for (const endpoint of server.endpoints) {
        for (const address of addressesOf(endpoint.host, endpoint.except)) {
          const key = `${endpoint.transport} ${address} ${endpoint.port}`;
          // A block that binds an address is meant there, not the one for every address.
          if (endpoint.host !== undefined || !wanted.has(key)) wanted.set(key, { endpoint, address });
        }
      }
      const opened = new Map<string, Slot>();
      const identified = new Map<Slot, TlsIdentity | undefined>();
      try {
        for (const [key, one] of wanted) if (!slots.has(key)) opened.set(key, await open(one));
        for (const [key, { endpoint }] of wanted) {
          const known = slots.get(key);
          if (known === undefined) continue;
          identified.set(known, known.identity);
          identify(known, identityOf(endpoint));
        }
      } catch (error) {
        for (const [slot, former] of identified) identify(slot, former);
        await Promise.all([...opened.values()].map(({ listener }) => listener.close(0)));
        throw error;
      }
      for (const [key, slot] of opened) slots.set(key, slot);
      for (const [key, slot] of slots) {
        const one = wanted.get(key);
        if (one !== undefined) {
          slot.endpoint = one.endpoint;
          slot.answer = answerOf(one.endpoint);
          continue;
        }
        slots.delete(key);
        void slot.listener.close(graceMs);
      }
    },
    watch: (next) => {
      watcher = next;
      for (const slot of slots.values()) slot.answer = answerOf(slot.endpoint);
    },
    get places() {
      return [...slots.keys()].map((key) => {
        const [transport = "", address = "", port = ""] = key.split(" ");
        return `${transport}://${address.includes(":") ? `[${address}]` : address}:${port}`;
      });
    },
    close: async (grace) => {
      await Promise.all([...slots.values()].map(({ listener }) => listener.close(grace)));
      slots.clear();
    },
  };
}

function identityOf({ transport, tls }: DnsEndpoint): TlsIdentity | undefined {
  if (transport !== "tls" || tls === undefined) return undefined;
  return { certificatePem: tls.certificate.text, keyPem: tls.key.text };
}

/** The same socket with another certificate. Throws `CodedError` when it cannot be used; then the former one stays. */
function identify(slot: Slot, identity: TlsIdentity | undefined): void {
  const { keyPem, certificatePem } = slot.identity ?? {};
  if (identity === undefined || (identity.keyPem === keyPem && identity.certificatePem === certificatePem)) return;
  slot.listener.useIdentity(identity);
  slot.identity = identity;
}
