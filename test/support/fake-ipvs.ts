import { CodedError, ip } from "../../src/core/index.ts";
import type { Ip } from "../../src/core/index.ts";
import type { IpvsPort, IpvsStep } from "../../src/proxy/index.ts";
import { parseIpvsadm, destinationId, render, serverId } from "../../src/rules/ipvs/index.ts";
import type { Destination, ServerKey, Statement, VirtualServer } from "../../src/rules/ipvs/index.ts";

type SetElement = Awaited<ReturnType<IpvsPort["list"]>>["sets"][number]["elements"][number];
type ServerChange = Extract<Statement, { readonly server: unknown }>;

interface FakeServer {
  server: VirtualServer;
  readonly destinations: Map<string, Destination>;
}

/** A kernel that does what it is told, as IPVS, ipset and iptables would, with connections and failures as the test says. */
export class FakeKernel implements IpvsPort {
  readonly log: string[] = [];
  readonly connections = new Map<string, { readonly active: number; readonly inactive: number }>();
  readonly #servers = new Map<string, FakeServer>();
  readonly #sets = new Map<string, Map<string, SetElement>>();
  /** Whether IPVS is a module, so that virtual servers are counted. */
  isModule = true;
  #rules: Record<"IPv4" | "IPv6", string> = { IPv4: "", IPv6: "" };
  #addresses = new Set<string>();
  own = [ip("192.168.100.11")];
  changed = false;
  /** What a refused change of a virtual server has in its text. */
  refuses: string | undefined;
  /** Called before everything that is done, by number from 0; throws to let it fail. */
  beforeOperation: () => void = () => undefined;
  /** Awaited between the steps, so that others get their turn. */
  pause: () => Promise<void> = () => Promise.resolve();

  async list(prefix: string) {
    await this.pause();
    return {
      servers: [...this.#servers.values()].map(({ server }) => ({ server, destinations: this.destinations(server) })),
      sets: [...this.#sets].flatMap(([name, elements]) =>
        name.startsWith(prefix) ? { name, elements: [...elements.values()] } : [],
      ),
      iptables: this.#rules,
      addresses: [...this.#addresses].map((address) => ip(address)),
    };
  }

  async apply(steps: readonly IpvsStep[]): Promise<void> {
    for (const step of steps) {
      await this.pause();
      switch (step.kind) {
        case "servers":
          for (const change of step.changes) this.#changeServer(change);
          break;
        case "sets":
          this.beforeOperation();
          for (const { name } of step.create) this.#sets.set(name, new Map());
          for (const name of step.destroy) this.#sets.delete(name);
          break;
        case "members":
          for (const { kind, set, ...element } of step.changes) {
            this.beforeOperation();
            if (kind === "add") this.#sets.get(set)?.set(element.element, element);
            else this.#sets.get(set)?.delete(element.element);
          }
          break;
        case "iptables":
          this.beforeOperation();
          this.#rules[step.family] = step.text.replaceAll("\n-I ", "\n-A ");
          break;
        case "addresses":
          for (const address of step.add) {
            this.beforeOperation();
            this.#addresses.add(address);
          }
          for (const address of step.remove) {
            this.beforeOperation();
            this.#addresses.delete(address);
            this.log.push(`close ${address}`);
          }
          break;
        case "sources":
          this.log.push(`sources of ${step.addresses.join(", ")}`);
          break;
        case "device":
          break;
      }
    }
  }

  destinations(server: ServerKey) {
    const destinations = this.#servers.get(serverId(server))?.destinations.values() ?? [];
    return [...destinations].map((one) => ({
      ...one,
      ...(this.connections.get(one.ip) ?? { active: 0, inactive: 0 }),
    }));
  }

  servers() {
    return [...this.#servers.values()].map(({ server }) => server);
  }

  nodeAddresses() {
    return this.own;
  }

  areOwn(addresses: readonly Ip[]): boolean {
    return addresses.every((address) => this.#addresses.has(address) || this.own.includes(address));
  }

  nodeAddressesChanged(): boolean {
    const { changed } = this;
    this.changed = false;
    return changed;
  }

  fingerprint(): string {
    return this.#rules.IPv4;
  }

  setHeaders(prefix: string) {
    const rules = Object.values(this.#rules).join("\n").split("\n");
    return [...this.#sets].flatMap(([name, { size }]) => {
      const references = rules.filter((rule) => rule.startsWith("-A") && rule.includes(` ${name} `)).length;
      return name.startsWith(prefix) ? [{ name, elements: size, references }] : [];
    });
  }

  /** Somebody flushes iptables. */
  flushRules(): void {
    this.#rules.IPv4 = "";
  }

  useCount(): string {
    return this.isModule ? `${this.#servers.size}` : "";
  }

  close(): void {
    this.log.push("closed");
  }

  /** As another process would. */
  foreign(text: string): void {
    for (const statement of parseIpvsadm(text)) if ("server" in statement) this.#make(statement);
  }

  flush(): void {
    this.#servers.clear();
  }

  flushSet(name: string): void {
    this.#sets.get(name)?.clear();
  }

  /** As `ipvsadm -D` and `ipvsadm -d` would: what `text` begins, of the lines as they were added. */
  delete(text: string): void {
    for (const [id, { server, destinations }] of this.#servers) {
      if (render({ kind: "add-server", server }).startsWith(text)) this.#servers.delete(id);
      for (const [key, destination] of destinations) {
        if (render({ kind: "add-destination", server, destination }).startsWith(text)) destinations.delete(key);
      }
    }
  }

  /** Virtual servers and destinations, as ipvsadm would be told them. */
  get lines(): readonly string[] {
    return [...this.#servers.values()].flatMap(({ server, destinations }) => [
      render({ kind: "add-server", server }),
      ...[...destinations.values()].map((destination) => render({ kind: "add-destination", server, destination })),
    ]);
  }

  /** As `ip route delete local` would. */
  deleteAddress(address: string): void {
    this.#addresses.delete(address);
  }

  /** How many elements the sets have. */
  get members(): number {
    return [...this.#sets.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Everything that it has, in an order that does not depend on how it came about. */
  get state(): readonly string[] {
    const members = [...this.#sets].flatMap(([name, elements]) =>
      [...elements.values()].map(({ element, mark }) => `${name} ${element} ${mark ?? ""}`),
    );
    return [...this.lines, ...members, ...[...this.#addresses].map((address) => `address ${address}`)].toSorted();
  }

  #changeServer(change: ServerChange): void {
    if (this.refuses !== undefined && render(change).includes(this.refuses)) {
      throw new Error(`${render(change)} is refused`);
    }
    this.beforeOperation();
    this.log.push(render(change));
    this.#make(change);
  }

  /** Adding what is there changes it, and what only takes away is no error where there is nothing. */
  #make(change: ServerChange): void {
    const id = serverId(change.server);
    const known = this.#servers.get(id);
    if ("destination" in change) {
      const { kind, destination } = change;
      const key = destinationId(destination);
      if (kind === "delete-destination") known?.destinations.delete(key);
      else if (known !== undefined && (kind === "add-destination" || known.destinations.has(key))) {
        known.destinations.set(key, destination);
      } else if (kind === "add-destination" || destination.weight > 0) throw missing(change);
    } else if (change.kind === "delete-server") this.#servers.delete(id);
    else if (known !== undefined) known.server = change.server;
    else if (change.kind === "edit-server") throw missing(change);
    else this.#servers.set(id, { server: change.server, destinations: new Map() });
  }
}

function missing(change: ServerChange): CodedError {
  return new CodedError("ENOENT", `${render(change)}: there is no such thing`);
}
