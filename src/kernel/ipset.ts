import { CodedError, messageOf } from "../core/index.ts";
import {
  headersOnly,
  ipsetAttributes,
  ipsetCommands,
  ipsetMessage,
  numberBytes,
  readListed,
  readRevision,
  writeDefinition,
  writeElement,
  writeHead,
  writeType,
} from "./ipset-messages.ts";
import type { IpsetDefinition, IpsetElement, IpsetHeader } from "./ipset-messages.ts";
import { checked, KernelError, libc } from "./libc.ts";
import { NetlinkWriter } from "./netlink-bytes.ts";
import { dumpOf } from "./netlink-dump.ts";
import { sendRequests } from "./netlink-requests.ts";
import { inNamespace } from "./netns.ts";

/** An element that comes into a set or leaves it. Adding what is there changes its mark and comment, deleting what is not there is no error. */
export interface IpsetChange extends IpsetElement {
  readonly kind: "add" | "delete";
  /** The set's name. */
  readonly set: string;
}

/** The sets of one network namespace, by netlink and without a process. */
export interface Ipset {
  /** Makes sets; one that is there already stays as it is. Throws `CodedError` code `EEXIST` when that is another one of the same name. */
  create(sets: readonly IpsetDefinition[]): void;
  /** Destroys sets; one that is not there is no error. */
  destroy(names: readonly string[]): void;
  /** Every set, also of others, and how much is in it; does not look at the elements. */
  headers(): readonly IpsetHeader[];
  /** Everything that is in a set; empty when there is no such set. */
  elements(name: string): readonly IpsetElement[];
  /**
   * Makes the changes in their order, about a hundred with one call. Throws `CodedError` with the change in ipset's words at the
   * first that the kernel refuses: code `ENOENT` when there is no such set, `IpsetRefused` otherwise. Those around it are made all the same.
   */
  change(changes: readonly IpsetChange[]): void;
  close(): void;
}

type Listed = ReturnType<typeof readListed>;

const netfilter = 12;
const flags = { request: 1, dump: 0x300 };

/** Opens ipset by netlink: in `namespace` (a path) or where the caller is. */
export function openIpset({ namespace }: { readonly namespace?: string } = {}): Ipset {
  const open = (): number => checked("open a netlink socket", libc().socket(16, 3 | 0x80000, netfilter));
  const socket = namespace === undefined ? open() : inNamespace(namespace, open);
  const on = new Uint8Array(new Uint32Array([1]).buffer);
  libc().setsockopt(socket, 270, 10, on, 4); // NETLINK_CAP_ACK
  return new NetlinkIpset(socket);
}

class NetlinkIpset implements Ipset {
  readonly #socket: number;
  readonly #writer = new NetlinkWriter();

  constructor(socket: number) {
    this.#socket = socket;
  }

  create(sets: readonly IpsetDefinition[]): void {
    const revisions = new Map<string, number>();
    const revisionOf = (set: IpsetDefinition): number => {
      const key = `${set.type} ${set.family}`;
      const known = revisions.get(key) ?? this.#revisionOf(set);
      revisions.set(key, known);
      return known;
    };
    const all = sets.map((set) => ({ set, revision: revisionOf(set) }));
    this.#send(
      all,
      ({ set, revision }, at) =>
        this.#message(ipsetCommands.create, at, () =>
          writeDefinition(writeHead(this.#writer, set.name), set, revision),
        ),
      ({ set: { name, type } }) => `ipset create ${name} ${type}`,
    );
  }

  destroy(names: readonly string[]): void {
    this.#send(
      names,
      (name, at) => this.#message(ipsetCommands.destroy, at, () => void writeHead(this.#writer, name)),
      (name) => `ipset destroy ${name}`,
      [codes.missing],
    );
  }

  headers(): readonly IpsetHeader[] {
    const flag = numberBytes(headersOnly);
    return this.#list("ipset list -terse", () => {
      writeHead(this.#writer).attribute(ipsetAttributes.flags | 0x4000, flag);
    }).flatMap(({ name, count, references }) => (count === undefined ? [] : [{ name, elements: count, references }]));
  }

  elements(name: string): readonly IpsetElement[] {
    try {
      return this.#list(`ipset list ${name}`, () => void writeHead(this.#writer, name)).flatMap(
        ({ elements }) => elements,
      );
    } catch (error) {
      if (error instanceof CodedError && error.code === "ENOENT") return [];
      throw error;
    }
  }

  change(changes: readonly IpsetChange[]): void {
    const encode = (change: IpsetChange, at: number): Uint8Array => {
      try {
        return this.#message(ipsetCommands[change.kind], at, () =>
          writeElement(writeHead(this.#writer, change.set), change, { bare: change.kind === "delete" }),
        );
      } catch (error) {
        throw new CodedError("IpsetRefused", `${describe(change)}: ${messageOf(error)}`);
      }
    };
    this.#send(changes, encode, describe);
  }

  close(): void {
    libc().close(this.#socket);
  }

  #message(command: number, at: number, body: () => void, flag = flags.request): Uint8Array {
    return this.#writer.message(ipsetMessage(command), flag, at + 1, body);
  }

  #list(action: string, body: () => void): readonly Listed[] {
    const request = this.#message(ipsetCommands.list, 0, body, flags.request | flags.dump);
    const listed: Listed[] = [];
    const refused = (errno: number): CodedError => refusal(action, errno);
    for (const message of dumpOf(this.#socket, action, request, refused)) listed.push(readListed(message.subarray(4)));
    return listed;
  }

  /** The newest revision of a type that this kernel has; it loads the module. */
  #revisionOf(set: IpsetDefinition): number {
    const action = `find ${set.type} of ipset`;
    const request = this.#message(ipsetCommands.type, 0, () => void writeType(writeHead(this.#writer), set));
    const refused = (errno: number): CodedError => refusal(action, errno);
    for (const message of dumpOf(this.#socket, action, request, refused)) return readRevision(message.subarray(4));
    throw new KernelError(action, 74, "unexpected answer");
  }

  #send<T>(
    all: readonly T[],
    encode: (one: T, at: number) => Uint8Array,
    describe: (one: T) => string,
    ignored: readonly number[] = [],
  ): void {
    const itemAt = (at: number): T => all[at] ?? missing();
    sendRequests(this.#socket, {
      count: all.length,
      encode: (at) => encode(itemAt(at), at),
      failed: (at, { errno }) => {
        if (!ignored.includes(errno)) throw refusal(describe(itemAt(at)), errno);
      },
    });
  }
}

const codes = { missing: 2 };

/** ipset's own numbers of errors begin at 4096, those of hashes at 4352. */
const reasons: ReadonlyMap<number, readonly [code: string, text: string]> = new Map([
  [1, ["EPERM", "this takes root, or CAP_NET_ADMIN in the network namespace"]],
  [codes.missing, ["ENOENT", "there is no such set"]],
  [17, ["EEXIST", "there is another set of this name"]],
  [22, ["IpsetRefused", "the kernel does not understand it, or has no ipset: load it with `modprobe ip_set`"]],
  [4097, ["IpsetRefused", "the set takes no address of this family, or the kernel's ipset is of another version"]],
  [4098, ["IpsetRefused", "this kernel has no such type of sets: load it with `modprobe ip_set_hash_...`"]],
  [4099, ["IpsetRefused", "there are too many sets"]],
  [4100, ["EBUSY", "a rule still names the set"]],
  [4104, ["IpsetRefused", "a network of this size cannot be in a set"]],
  [4112, ["IpsetRefused", "the set has no comments"]],
  [4114, ["IpsetRefused", "the set has no marks"]],
  [4352, ["IpsetRefused", "the set is full"]],
  [4353, ["IpsetRefused", "this cannot be in a set"]],
]);

function describe({ kind, set, element }: IpsetChange): string {
  return `ipset ${kind === "add" ? "add" : "del"} ${set} ${element}`;
}

function refusal(action: string, errno: number): CodedError {
  const [code, text] = reasons.get(errno) ?? ["IpsetRefused", `error ${errno}`];
  return new CodedError(code, `${action}: ${text}`);
}

function missing(): never {
  throw new RangeError("a change is missing");
}
