import { ipFromBytes, ipToBytes } from "../core/index.ts";
import type { Ip, IpFamily, Port } from "../core/index.ts";
import { checked, KernelError, libc } from "./libc.ts";
import { NetlinkWriter } from "./netlink-bytes.ts";
import { attributesIn, errnoIn, messagesIn, netlinkControl } from "./netlink-messages.ts";
import { inNamespace } from "./netns.ts";

/** A packet as the listener sees it: who sent it, and the listener's own address. */
export interface ReceivedFrom {
  readonly protocol: "TCP" | "UDP";
  readonly family: IpFamily;
  readonly client: Ip;
  readonly clientPort: Port;
  readonly local: Ip;
  readonly localPort: Port;
}

/** Where a client meant to go, and from where: the rules may have changed both. */
export interface OriginalFlow {
  readonly client: Ip;
  readonly clientPort: Port;
  readonly destination: Ip;
  readonly port: Port;
}

/** Asks the connection tracking of one network namespace. */
export interface OriginalDestinations {
  /** `undefined` when the kernel does not track the connection, or did not redirect it. */
  find(received: ReceivedFrom): OriginalFlow | undefined;
  close(): void;
}

// linux/netfilter/nfnetlink_conntrack.h
const getEntry = (1 << 8) | 1;
const attributes = { tupleOriginal: 1, tupleReply: 2 };
const tuple = { ip: 1, protocol: 2 };
const address = { IPv4: { source: 1, destination: 2 }, IPv6: { source: 3, destination: 4 } } as const;
const transport = { number: 1, sourcePort: 2, destinationPort: 3 };
const numbers = { TCP: 6, UDP: 17 } as const;
const requestFlag = 1;
const nested = 0x8000;
const noEntry = 2;
const longestAnswer = 4096;

/**
 * Opens the look-up in `namespace` (a path; the caller's own by default). Unlike SO_ORIGINAL_DST it knows UDP as well,
 * and needs no descriptor of an accepted connection.
 */
export function openOriginalDestinations(options: { readonly namespace?: string } = {}): OriginalDestinations {
  const { namespace } = options;
  const open = (): number => checked("open a netlink socket", libc().socket(16, 3 | 0x80000, 12));
  const socket = namespace === undefined ? open() : inNamespace(namespace, open);
  const answer = new Uint8Array(longestAnswer);
  let isOpen = true;
  return {
    find(received) {
      if (!isOpen) return undefined;
      const request = requestFor(received);
      const action = `find where ${received.client} port ${received.clientPort} meant to go`;
      checked(action, libc().send(socket, request, request.length, 0));
      const length = checked(action, libc().recv(socket, answer, answer.length, 0));
      for (const message of messagesIn(answer.subarray(0, length))) {
        if (message.type !== netlinkControl.error) return readOriginal(received, message.body.subarray(4));
        const errno = errnoIn(message.body);
        if (errno === noEntry) return undefined;
        throw new KernelError(action, errno);
      }
      return undefined;
    },
    close() {
      if (isOpen) libc().close(socket);
      isOpen = false;
    },
  };
}

/** Asks by the answers' direction: from the listener to the client. */
function requestFor({ protocol, family, client, clientPort, local, localPort }: ReceivedFrom): Uint8Array {
  const writer = new NetlinkWriter();
  return writer.message(getEntry, requestFlag, 1, () => {
    writer.u8(family === "IPv4" ? 2 : 10, 0, 0, 0);
    writer.attribute(attributes.tupleReply | nested, () => {
      writer.attribute(tuple.ip | nested, () => {
        writer.attribute(address[family].source, ipToBytes(local));
        writer.attribute(address[family].destination, ipToBytes(client));
      });
      writer.attribute(tuple.protocol | nested, () => {
        writer.attribute(transport.number, Uint8Array.of(numbers[protocol]));
        writer.attribute(transport.sourcePort, portBytes(localPort));
        writer.attribute(transport.destinationPort, portBytes(clientPort));
      });
    });
  });
}

function readOriginal({ family, local, localPort }: ReceivedFrom, body: Uint8Array): OriginalFlow | undefined {
  const original = attributesIn(attributesIn(body).get(attributes.tupleOriginal) ?? new Uint8Array());
  const addresses = attributesIn(original.get(tuple.ip) ?? new Uint8Array());
  const ports = attributesIn(original.get(tuple.protocol) ?? new Uint8Array());
  const source = addresses.get(address[family].source);
  const to = addresses.get(address[family].destination);
  const clientPort = portOf(ports.get(transport.sourcePort));
  const port = portOf(ports.get(transport.destinationPort));
  if (source === undefined || to === undefined || clientPort === undefined || port === undefined) return undefined;
  const found = { client: ipFromBytes(source), clientPort, destination: ipFromBytes(to), port };
  return found.destination === local && found.port === localPort ? undefined : found;
}

function portOf([high, low]: Uint8Array | readonly number[] = []): Port | undefined {
  return high === undefined || low === undefined ? undefined : high * 256 + low;
}

function portBytes(port: Port): Uint8Array {
  return Uint8Array.of(port >> 8, port & 255);
}
