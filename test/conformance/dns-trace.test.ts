import { createSocket } from "node:dgram";
import type { SocketOptions } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { traceLookup } from "../../src/app/dns/trace/trace-lookup.ts";
import { decodeMessage, formatName, recordTypeName, recordTypes } from "../../src/codec/index.ts";
import { ip, seededRandom } from "../../src/core/index.ts";
import { MemoryCache, createClusterDns, parseResolvConf, resolverSettings } from "../../src/dns/index.ts";
import type { Answer, LookupType, ResolverKind } from "../../src/dns/index.ts";
import { applyLinkSteps, createNamespace, inNamespace, removeNamespace, runProgram } from "../../src/kernel/index.ts";
import { listenDns, systemClock } from "../../src/net/index.ts";
import { namespace as namespaceOf, outside, service, services, slice, slices } from "../dns/cluster.ts";

// The queries that a traced lookup sends are those of the real C libraries: both ask the same servers from the same place, with
// the same resolver file, and the servers write down what comes.

const servers = ["10.96.0.10", "10.96.0.11"] as const;
const pod = "search tour.svc.cluster.local svc.cluster.local cluster.local\n";
const usual = `${pod}nameserver 10.96.0.10\noptions ndots:5 timeout:1 attempts:2\n`;
const two = `${pod}nameserver 10.96.0.10\nnameserver 10.96.0.11\noptions ndots:5 timeout:1 attempts:2\n`;
/** Nothing listens there. */
const nobody = `${pod}nameserver 10.96.0.12\noptions ndots:5 timeout:1 attempts:2\n`;

/** Headless Services, and how many endpoints each has. */
const headless = { big: 60, "many-24": 24, "many-25": 25 };

/** A place with servers, and what they were asked. */
interface Place {
  readonly namespace: string;
  readonly seen: string[];
  readonly close: () => Promise<void>;
}

let folder: string;
/** One place for the real resolvers and one for the traced ones, so that both look up at the same time. */
let realPlace: Place;
let tracedPlace: Place;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sealane-trace-"));
  const source = fileURLToPath(new URL("dns-resolver.c", import.meta.url));
  await Promise.all([
    runProgram(["gcc", "-o", join(folder, "glibc"), source]),
    runProgram(["musl-gcc", "-static", "-o", join(folder, "musl"), source]),
  ]);
  realPlace = await openPlace(join(folder, "real"));
  tracedPlace = await openPlace(join(folder, "traced"));
});

afterAll(async () => {
  await realPlace.close();
  await tracedPlace.close();
  rmSync(folder, { recursive: true });
});

async function openPlace(namespace: string): Promise<Place> {
  const seen: string[] = [];
  createNamespace(namespace, () =>
    applyLinkSteps([
      { kind: "link", name: "lo", state: "up" },
      ...[...servers, "10.96.0.12"].map(
        (address) => ({ kind: "address", link: "lo", address: ip(address), prefix: 32 }) as const,
      ),
    ]),
  );
  const [first, second] = servers;
  const listener = inNamespace(namespace, () =>
    listenDns({ addresses: [first], port: 53, answer: answerAt(first, seen), synchronous: true }),
  );
  // TCP of the first one is for all addresses, so the other one has a socket of its own.
  const other = inNamespace(namespace, () => {
    const lookup: SocketOptions["lookup"] = (host, _options, done) => done(null, host, 4);
    return createSocket({ type: "udp4", lookup }).bind(53, second);
  });
  const answerSecond = answerAt(second, seen);
  other.on("message", (bytes, { address, port }) => {
    const answer = answerSecond(bytes, "udp", { address, port });
    if (answer instanceof Uint8Array) other.send(answer, port, address);
  });
  await listener.ready;
  const close = async () => {
    await listener.close(0);
    other.close();
    removeNamespace(namespace);
  };
  return { namespace, seen, close };
}

/** Answers as cluster DNS does, but for some names, and writes down what it was asked. */
function answerAt(server: string, seen: string[]): Answer {
  const many = Array.from({ length: 60 }, (_, i) => [`10.244.7.${i + 1}`] as const);
  const dns = createClusterDns({
    caches: {
      services: new MemoryCache([
        ...services,
        ...Object.keys(headless).map((name) => service("tour", name, { clusterIP: "None" })),
      ]),
      endpointSlices: new MemoryCache([
        ...slices,
        ...Object.entries(headless).map(([name, count]) => slice("tour", name, `${name}-1`, many.slice(0, count))),
      ]),
      namespaces: new MemoryCache(["default", "kube-system", "tour", "bare"].map(namespaceOf)),
    },
    upstreams: [{ address: ip("192.168.100.1"), port: 53 }],
    dial: outside,
    clock: systemClock,
    random: seededRandom(1),
    nameservers: [ip("10.96.0.10")],
  });
  const failing = (rcode: number, bytes: Uint8Array) => {
    const answer = bytes.slice();
    answer[2] = (answer[2] ?? 0) | 0x80;
    answer[3] = 0x80 | rcode;
    return answer;
  };
  return (bytes, transport, client) => {
    const query = decodeMessage(bytes);
    if (query.kind !== "message") return undefined;
    const [question] = query.questions;
    const name = question === undefined ? "" : formatName(question.name);
    const at = server === servers[0] ? "" : ` @${server}`;
    seen.push(`${name} ${recordTypeName(question?.type ?? 0)}${transport === "tcp" ? " tcp" : ""}${at}`);
    if (name.startsWith("silent") || (name.startsWith("late") && server === servers[0])) return undefined;
    if (name.startsWith("half") && question?.type === recordTypes.AAAA) return undefined;
    if (name.startsWith("failing")) return failing(2, bytes);
    if (name.startsWith("refused")) return failing(5, bytes);
    return dns.answer(bytes, transport, client);
  };
}

/** What a program gets, and the queries that came for it. */
interface Seen {
  readonly result: readonly string[];
  readonly queries: readonly string[];
}

async function real(library: ResolverKind, family: 0 | 4 | 6, name: string, resolvConf: string): Promise<Seen> {
  const { namespace, seen } = realPlace;
  seen.length = 0;
  const path = join(folder, "resolv.conf");
  writeFileSync(path, resolvConf);
  const script = `mount --bind ${path} /etc/resolv.conf && ${join(folder, library)} ${family} ${name}`;
  const output = await runProgram(["unshare", "-m", "sh", "-c", script], { namespace });
  const result = [...new Set(output.split("\n").filter((line) => line !== ""))].toSorted();
  return { result, queries: [...seen] };
}

const types: Readonly<Record<number, readonly LookupType[]>> = { 0: ["A", "AAAA"], 4: ["A"], 6: ["AAAA"] };

async function modelled(library: ResolverKind, family: 0 | 4 | 6, name: string, resolvConf: string): Promise<Seen> {
  const { namespace, seen } = tracedPlace;
  seen.length = 0;
  const { end, results } = await traceLookup(
    { name, types: types[family] ?? [] },
    {
      namespace,
      settings: resolverSettings(library, parseResolvConf(resolvConf)),
      firstServer: 0,
      explainer: { begin: () => Promise.resolve(), end: () => Promise.resolve([]) },
    },
  );
  const result = end === "found" ? [...results].toSorted() : [end === "no data" ? "no such name" : end];
  return { result, queries: [...seen] };
}

type Row = readonly [name: string, family: 0 | 4 | 6, resolvConf: string];

const rows: readonly Row[] = [
  ["web", 0, usual],
  ["web", 4, usual],
  ["six", 0, usual],
  ["web", 6, usual],
  ["web.tour", 0, usual],
  ["web.tour.svc", 0, usual],
  ["web.tour.svc.cluster.local", 0, usual],
  ["web.tour.svc.cluster.local.", 0, usual],
  ["db.example.com", 0, usual],
  ["db.example.com.", 0, usual],
  ["db.example.com", 0, usual.replace("ndots:5", "ndots:2")],
  ["nothing.example.com", 0, usual.replace("ndots:5", "ndots:2")],
  ["nothing", 0, usual],
  ["nothing", 0, usual.replace("ndots:5", "ndots:0")],
  ["legacy-db", 0, usual],
  ["tour", 0, usual],
  ["a.b.c.d.e.f", 0, usual],
  ["failing", 0, usual],
  ["failing", 4, usual],
  ["refused", 0, usual],
  ["silent.", 4, usual],
  ["failing", 0, two],
  ["late.", 0, two],
  ["web", 0, nobody],
  ["web", 0, "nameserver 10.96.0.10\n"],
  ["web", 0, usual.replace("search ", "search example.org ")],
];
const ofGlibc: readonly Row[] = [
  ["big", 4, usual],
  ["big", 0, usual],
  // The most addresses that glibc has room for at first, and one more.
  ["many-24", 0, usual],
  ["many-25", 0, usual],
  ["web", 0, usual.replace("search ", "search . ")],
  ["silent", 4, usual.replace("attempts:2", "attempts:1")],
  ["web", 0, usual.replace("ndots:5", "ndots:5 use-vc")],
  ["web", 0, usual.replace("ndots:5", "ndots:5 single-request")],
  ["half.", 0, usual.replace("ndots:5", "ndots:5 single-request")],
  ["web.tour", 0, usual.replace("ndots:5", "ndots:5 no-aaaa")],
  ["nothing", 0, usual.replace("ndots:5", "ndots:5 no-tld-query")],
  ["web", 0, two],
];
const ofMusl: readonly Row[] = [
  ["half.", 0, usual],
  ["web", 0, usual.replace("search ", `search ${"long-".repeat(48)}example `)],
];

describe.each([
  ["glibc", [...rows, ...ofGlibc]],
  ["musl", [...rows, ...ofMusl]],
] as const)("a traced lookup and the real one of %s", (library, table) => {
  it.each(table)("ask the same for %s, family %i, with %j", async (name, family, resolvConf) => {
    const [expected, traced] = await Promise.all([
      real(library, family, name, resolvConf),
      modelled(library, family, name, resolvConf),
    ]);
    // musl asks several servers at once; who answers first is chance, and so is who is asked again after SERVFAIL.
    const comparable = ({ queries, result }: Seen): Seen => ({
      result,
      queries:
        library === "musl" && resolvConf === two
          ? queries.map((query) => query.replace(/ @.*/, "")).toSorted()
          : queries,
    });
    expect(comparable(traced)).toEqual(comparable(expected));
    const isAsked = resolvConf !== nobody;
    expect(expected.queries.length > 0).toBe(isAsked);
  });
});

it("asks both servers at once as musl does, in whatever order they answer", async () => {
  const [expected, traced] = await Promise.all([real("musl", 0, "web", two), modelled("musl", 0, "web", two)]);
  expect(new Set(traced.queries)).toEqual(new Set(expected.queries));
  expect(traced).toMatchObject({ result: expected.result });
  expect(new Set(traced.queries).size).toBe(4);
});
