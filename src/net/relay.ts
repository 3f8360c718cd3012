import type { Clock, Ip, IpFamily, Port } from "../core/index.ts";
import type { RelayArrival, RelayDecisions, RelayKernel } from "./relay-session.ts";
import { listenTcpRelay } from "./relay-tcp.ts";
import { listenUdpRelay } from "./relay-udp.ts";
import type { UdpRelayLimits } from "./relay-udp.ts";

/** Where the listeners of one family are. */
export interface RelayPlace {
  readonly family: IpFamily;
  readonly address: Ip;
  readonly ports: Readonly<Record<"TCP" | "UDP", Readonly<Record<"cluster" | "local", Port>>>>;
}

/** Relays redirected connections and datagrams through sockets of this process. */
export interface Relay {
  /**
   * Opens the listeners of a family, or gives back those that are open; elsewhere when their address has left the node.
   * Rejects when they cannot be opened. What `accept` of the first call says decides about all clients.
   */
  listen(family: IpFamily, accept: (arrival: RelayArrival) => RelayDecisions | undefined): Promise<RelayPlace>;
  /** Whether an address at which somebody listens has left the node. */
  isLost(): boolean;
  /** Takes no more clients after a moment. Connections that are there go on until they end. */
  close(): void;
}

export interface RelayOptions {
  readonly kernel: RelayKernel;
  readonly clock: Clock;
  readonly udp?: Partial<UdpRelayLimits>;
  /** How long after `close` clients are still taken, in milliseconds: their first packets may be under way. Default 2000. */
  readonly graceMs?: number;
}

interface OpenFamily {
  readonly place: RelayPlace;
  readonly close: () => void;
}

/** Makes a relay that listens nowhere yet. */
export function openRelay({ kernel, clock, udp = {}, graceMs = 2000 }: RelayOptions): Relay {
  const families = new Map<IpFamily, OpenFamily>();
  const ownDials = new Set<string>();
  return {
    async listen(family, accept) {
      const known = families.get(family);
      if (known !== undefined && kernel.hasAddress(known.place.address)) return known.place;
      const address = kernel.address(family);
      const opened: { readonly port: Port; close: () => void }[] = [];
      const closeAll = (): void => opened.forEach((listener) => listener.close());
      const shared = { kernel, accept, ownDials, family, clock };
      const open = async (protocol: "TCP" | "UDP", list: "cluster" | "local"): Promise<Port> => {
        const fd = kernel.bind(protocol, address, 0);
        const listener =
          protocol === "TCP"
            ? await listenTcpRelay({ ...shared, fd, list })
            : await listenUdpRelay({ ...shared, fd, list, address, limits: udp });
        opened.push(listener);
        return listener.port;
      };
      try {
        const place: RelayPlace = {
          family,
          address,
          ports: {
            TCP: { cluster: await open("TCP", "cluster"), local: await open("TCP", "local") },
            UDP: { cluster: await open("UDP", "cluster"), local: await open("UDP", "local") },
          },
        };
        families.set(family, { place, close: closeAll });
        known?.close();
        return place;
      } catch (error) {
        closeAll();
        throw error;
      }
    },
    isLost: () => [...families.values()].some(({ place }) => !kernel.hasAddress(place.address)),
    close() {
      clock.schedule(graceMs, () => {
        for (const open of families.values()) open.close();
        families.clear();
        kernel.close();
      });
    },
  };
}
