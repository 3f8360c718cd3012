import { readFileSync } from "node:fs";
import { expect, onTestFinished } from "vitest";
import {
  decodeMessage,
  dnsName,
  encodeMessage,
  formatRecord,
  recordTypes,
  responseCodeName,
} from "../../../src/codec/index.ts";
import type { Message } from "../../../src/codec/index.ts";
import { ManualClock, seededRandom } from "../../../src/core/index.ts";
import { ClusterDataShelf, createDnsServer, readCorefile } from "../../../src/dns/index.ts";
import type { ClusterDnsSource, DnsServerParts, Upstream, UpstreamDialer } from "../../../src/dns/index.ts";
import { query, queryBytes } from "../cluster.ts";
import type { Ask } from "../cluster.ts";

/** What a server outside says to a query; nothing for none at all. */
export type Outside = (query: Message, upstream: Upstream) => Partial<Message> | undefined;

export interface CorefileWorld {
  readonly clock: ManualClock;
  /** Replaces the servers outside. */
  readonly say: (outside: Outside) => void;
  /** How many queries they have got, checks of their health aside. */
  readonly asked: () => number;
  /** Asks at the first place where the Corefile listens. */
  readonly ask: (name: string, type: keyof typeof recordTypes, ask?: Ask) => Promise<Message>;
  /** The same, with the answer's bytes. */
  readonly bytes: (name: string, type: keyof typeof recordTypes, ask?: Ask) => Promise<Uint8Array>;
}

/** The server of a Corefile, between clients and servers outside, all at message level. Its clock stands still. */
export function corefileWorld(
  corefile: string,
  {
    outside = () => ({ rcode: 5 }),
    now = 1_499_347_823_000,
    cluster,
    files = {},
    ...parts
  }: {
    readonly outside?: Outside;
    readonly now?: number;
    readonly cluster?: ClusterDnsSource;
    readonly files?: Readonly<Record<string, string>>;
  } & Partial<DnsServerParts> = {},
): CorefileWorld {
  const clock = new ManualClock(now);
  let say = outside;
  let asked = 0;
  const dial: UpstreamDialer = {
    send: (upstream, _transport, bytes, handlers) => {
      const message = decodeMessage(bytes);
      if (message.kind === "malformed") throw new Error(message.reason);
      const isCheck = message.questions[0]?.type === recordTypes.NS && message.questions[0].name.length === 1;
      if (!isCheck) asked++;
      const fields = isCheck ? {} : say(message, upstream);
      const { edns: _, ...rest } = message;
      if (fields !== undefined) {
        const reply = { ...rest, response: true, recursionAvailable: true, authenticData: false, ...fields };
        queueMicrotask(() => handlers.message(encodeMessage(reply)));
      }
      return () => undefined;
    },
  };
  const readText = (path: string) => files[path];
  const server = createDnsServer(readCorefile(corefile, "Corefile", { environment: () => undefined, readText }), {
    clock,
    random: seededRandom(1),
    dial,
    readText,
    ...(cluster === undefined ? {} : { data: new ClusterDataShelf(cluster, clock) }),
    ...parts,
  });
  onTestFinished(() => server.stop());
  const [endpoint] = server.endpoints;
  if (endpoint === undefined) throw new Error("The Corefile listens nowhere");
  return {
    clock,
    say: (other) => {
      say = other;
    },
    asked: () => asked,
    ask: (name, type, ask) => query(endpoint, name, type, ask),
    bytes: async (name, type, ask = {}) => {
      const answer = endpoint.answer(queryBytes(name, recordTypes[type], ask), ask.transport ?? "udp", ask.client);
      // No Buffer: equal bytes are then equal values.
      return new Uint8Array((await answer) ?? []);
    },
  };
}

/** Code and records in their order, `ns: ` before those of the authority and `+ ` before additional ones. */
export function said({ rcode, answers, authorities, additionals }: Message): readonly string[] {
  return [
    responseCodeName(rcode),
    ...texts(answers),
    ...texts(authorities).map((one) => `ns: ${one}`),
    ...texts(additionals).map((one) => `+ ${one}`),
  ];
}

/** Records as zone files write them, in their order. */
export function texts(list: Message["answers"]): readonly string[] {
  return list.map((one) => formatRecord(one));
}

/** A server outside that has these records, and denies all other names with this SOA record when there is one. */
export function zoneOutside(list: Message["answers"], soa?: Message["answers"][number]): Outside {
  const key = (one: { readonly name: Uint8Array }) => Buffer.from(one.name).toString("latin1").toLowerCase();
  return ({ questions: [question] }) => {
    if (question === undefined) return { rcode: 1 };
    const own = list.filter((one) => key(one) === key(question));
    const answers = own.filter(({ type }) => type === question.type);
    const denial = answers.length > 0 || soa === undefined ? [] : [soa];
    return { answers, authorities: denial, rcode: own.length === 0 ? 3 : 0 };
  };
}

const deviations = readFileSync(new URL("../../../docs/deviations.md", import.meta.url), "utf8");

/** That a case which ends otherwise upstream has its reason in docs/deviations.md, in the row of this name. */
export function expectDeviation(row: string): void {
  expect(deviations).toContain(`\n| ${row} |`);
}

/** The name of a question, for servers outside that look at it. */
export function isAsked({ questions: [question] }: Message, name: string): boolean {
  return question !== undefined && Buffer.from(question.name).equals(Buffer.from(dnsName(name)));
}
