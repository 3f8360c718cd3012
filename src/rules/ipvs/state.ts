import type { Ip } from "../../core/index.ts";
import { ipFamily } from "../../core/index.ts";
import { elementAt, memberId } from "./plan-items.ts";
import type { Item } from "./plan-items.ts";
import { destinationId, serverId } from "./statement.ts";
import type { AddressKey, Destination, Member, SetName, Statement, VirtualServer } from "./statement.ts";

/** Virtual servers, elements of sets and addresses, wanted or in the kernel. */
export interface IpvsState {
  readonly servers: ReadonlyMap<string, ServerState>;
  readonly members: ReadonlyMap<string, Member>;
  readonly addresses: ReadonlySet<Ip>;
}

export interface ServerState {
  readonly server: VirtualServer;
  readonly destinations: ReadonlyMap<string, Destination>;
}

/** The state that these items make up. */
export function stateOf(items: Iterable<Item>): IpvsState {
  const servers = new Map<string, ServerState>();
  const members = new Map<string, Member>();
  const addresses = new Set<Ip>();
  for (const item of items) {
    if (item.kind === "server") servers.set(item.id, item);
    else if (item.kind === "member") members.set(item.id, item.member);
    else addresses.add(item.ip);
  }
  return { servers, members, addresses };
}

/** The state that a listing says, as `parse.ts` reads it; everything else in the list is a change, and passed over. */
export function stateOfStatements(statements: readonly Statement[]): IpvsState {
  const servers = new Map<string, { server: VirtualServer; destinations: Map<string, Destination> }>();
  const members = new Map<string, Member>();
  const addresses = new Set<Ip>();
  for (const statement of statements) {
    if (statement.kind === "add-server") {
      servers.set(serverId(statement.server), { server: statement.server, destinations: new Map() });
    } else if (statement.kind === "add-destination") {
      const { destination } = statement;
      servers.get(serverId(statement.server))?.destinations.set(destinationId(destination), destination);
    } else if (statement.kind === "add-member") members.set(memberId(statement.member), statement.member);
    else if (statement.kind === "add-address") addresses.add(statement.ip);
  }
  return { servers, members, addresses };
}

/** Sets whose elements must be there before the server that they are about is opened, in this order. */
const before: readonly SetName[] = [
  "RANGES",
  "LOCAL",
  "SOURCES",
  "GUARDED",
  "CLUSTER-IPS",
  "MASQUERADE",
  "LOOPBACK",
  "DROPPED",
  "REFUSED",
];
/** Those that open it. */
const opening: readonly SetName[] = ["SHORT-CIRCUITS", "SERVICES", "VIPS"];

/**
 * The steps from one state to the other, in an order in which nothing is served wrongly meanwhile: guards come before what
 * they guard and go after it, destinations come before others go, what was empty is opened when it has destinations.
 * Of `doubted` any part may be there: what is wanted of it is added once more, the rest goes. Nothing of it is in `have`.
 */
export function diffStates(have: IpvsState, want: IpvsState, doubted: IpvsState = stateOf([])): readonly Statement[] {
  const perhaps = united(have, doubted);
  const { opens, shrinks, closes } = diffServers(have, want, perhaps);
  const added = [...want.members].filter(([id]) => !have.members.has(id)).map(([, member]) => member);
  // An element with another mark replaces the one that was there.
  const replaced = new Set(added.map(placeOf));
  const gone = [...perhaps.members]
    .filter(([id, member]) => !want.members.has(id) && !replaced.has(placeOf(member)))
    .map(([, member]) => member);
  const add = (sets: readonly SetName[]) =>
    inOrder(added, sets).map((member) => ({ kind: "add-member" as const, member }));
  const remove = (sets: readonly SetName[]) =>
    inOrder(gone, sets).map((member) => ({ kind: "delete-member" as const, member }));
  return [
    ...add(before),
    ...opens,
    ...add(opening),
    ...without(want.addresses, have.addresses).map((ip) => ({ kind: "add-address" as const, ip })),
    ...shrinks,
    ...without(perhaps.addresses, want.addresses).map((ip) => ({ kind: "delete-address" as const, ip })),
    ...remove(opening.toReversed()),
    ...closes,
    ...remove(before.toReversed()),
  ];
}

/** Both, of which none has what the other has. */
function united(a: IpvsState, b: IpvsState): IpvsState {
  if (b.servers.size + b.members.size + b.addresses.size === 0) return a;
  return {
    servers: new Map([...a.servers, ...b.servers]),
    members: new Map([...a.members, ...b.members]),
    addresses: new Set([...a.addresses, ...b.addresses]),
  };
}

interface ServerSteps {
  readonly opens: readonly Statement[];
  readonly shrinks: readonly Statement[];
  readonly closes: readonly Statement[];
}

function diffServers(have: IpvsState, want: IpvsState, perhaps: IpvsState): ServerSteps {
  const opens: Statement[] = [];
  const shrinks: Statement[] = [];
  const closes: Statement[] = [];
  for (const [id, { server, destinations }] of want.servers) {
    const old = have.servers.get(id);
    if (old === undefined) opens.push({ kind: "add-server", server });
    else if (!sameServer(old.server, server)) opens.push({ kind: "edit-server", server });
    for (const [key, destination] of destinations) {
      const known = old?.destinations.get(key);
      if (known === undefined) opens.push({ kind: "add-destination", server, destination });
      else if (known.weight !== destination.weight) opens.push({ kind: "edit-destination", server, destination });
    }
    for (const [key, destination] of perhaps.servers.get(id)?.destinations ?? []) {
      if (!destinations.has(key)) shrinks.push({ kind: "delete-destination", server, destination });
    }
  }
  for (const [id, { server, destinations }] of perhaps.servers) {
    if (want.servers.has(id)) continue;
    // The Service is still there, without endpoints: those that it had let their connections end.
    if (staysNamed(server, perhaps, want)) {
      for (const destination of destinations.values())
        shrinks.push({ kind: "delete-destination", server, destination });
      shrinks.push({ kind: "delete-server", server, gently: true });
    } else closes.push({ kind: "delete-server", server });
  }
  return { opens, shrinks, closes };
}

/** Whether the Service of a virtual server stays: its name does not go. What does not change is in neither state. */
function staysNamed(server: VirtualServer, have: IpvsState, want: IpvsState): boolean {
  if ("mark" in server) return false;
  const id = memberId(serviceMember(server));
  return want.members.has(id) || !have.members.has(id);
}

/** The member of SERVICES that says whose a virtual server is. */
function serviceMember(server: AddressKey): Member {
  return { set: "SERVICES", family: ipFamily(server.ip), element: elementAt(server) };
}

function placeOf({ set, family, element }: Member): string {
  return `${set} ${family} ${element}`;
}

function sameServer(a: VirtualServer, b: VirtualServer): boolean {
  return (
    a.scheduler === b.scheduler &&
    a.persistenceSeconds === b.persistenceSeconds &&
    a.flags.length === b.flags.length &&
    a.flags.every((flag) => b.flags.includes(flag))
  );
}

function inOrder(members: readonly Member[], sets: readonly SetName[]): readonly Member[] {
  return sets.flatMap((set) => members.filter((member) => member.set === set));
}

function without(all: ReadonlySet<Ip>, known: ReadonlySet<Ip>): readonly Ip[] {
  return [...all].filter((ip) => !known.has(ip));
}
