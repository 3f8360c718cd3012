import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import type { TLSSocket } from "node:tls";
import {
  decodeMessage,
  dnsName,
  encodeMessage,
  formatRecordData,
  queryMessage,
  recordTypes,
} from "../../src/codec/index.ts";
import { startDnsService } from "../../src/app/dns/dns-service.ts";
import type { DnsService, DnsServiceOptions } from "../../src/app/dns/dns-service.ts";
import type { ClusterSource, FollowedCluster } from "../../src/app/dns/cluster-source.ts";
import { watchedClusters } from "../../src/app/dns/watched-clusters.ts";
import { createMetrics, ManualClock, messageOf, seededRandom } from "../../src/core/index.ts";
import type { LogFields, Logger, Metrics } from "../../src/core/index.ts";

/** A DNS service in this process, with real sockets, files of its own, and a clock that moves when told to. */
export interface ServedDns {
  readonly service: DnsService;
  readonly clock: ManualClock;
  readonly metrics: Metrics;
  /** All clusters that it began to follow. */
  readonly clusters: readonly FollowedCluster[];
  /** Problems and news, as `MESSAGE ERROR`. */
  readonly logged: readonly string[];
  /** Replaces the Corefile. */
  readonly write: (corefile: string) => void;
  /** Asks for the address of `name`: `10.96.0.1`, or the number of the response code. */
  readonly ask: (name: string) => Promise<string>;
}

/** Files that are gone after the test, and what else is to be ended. */
export class DnsWorkplace {
  readonly folder = mkdtempSync(join(tmpdir(), "sealane-served-"));
  readonly #ends: (() => unknown)[] = [];

  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  atEnd(end: () => unknown): void {
    this.#ends.push(end);
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
    rmSync(this.folder, { recursive: true });
  }

  async serve(corefile: string, options: Partial<DnsServiceOptions> = {}): Promise<ServedDns> {
    const path = this.file("Corefile", corefile);
    const clock = new ManualClock();
    const metrics = createMetrics();
    const logged: string[] = [];
    const note = (message: string, fields?: LogFields) =>
      void logged.push(`${message} ${messageOf(fields?.["error"] ?? "")}`);
    const log: Logger = { debug: () => undefined, info: note, warn: note, error: note };
    const environment = () => undefined;
    const random = seededRandom(1);
    const clusters: FollowedCluster[] = [];
    const source = watchedClusters({
      kubeconfig: undefined,
      namesPlaces: true,
      environment,
      clock,
      random,
      log,
      metrics,
    });
    const cluster: ClusterSource = {
      choose: async (configuration) => {
        const choice = await source.choose(configuration);
        if (choice === undefined) return undefined;
        const follow = async () => {
          const followed = await choice.follow();
          clusters.push(followed);
          return followed;
        };
        return { ...choice, follow };
      },
    };
    const service = await startDnsService({
      source: { kind: "corefile", path },
      cluster,
      clock,
      random,
      environment,
      log,
      metrics,
      addressesOf: () => ["127.0.0.1"],
      waitsForNames: true,
      ...options,
    });
    this.atEnd(() => service.close(true));
    return {
      service,
      clock,
      metrics,
      clusters,
      logged,
      write: (text) => void this.file("Corefile", text),
      ask: async (name) => answerText((await service.answer(questionFor(name), "udp")) ?? new Uint8Array()),
    };
  }
}

/** A message that asks for the IPv4 address of a name. */
export function questionFor(name: string): Uint8Array {
  return encodeMessage(queryMessage(7, { name: dnsName(name), type: recordTypes.A, class: 1 }));
}

/** The addresses of an answer, else its response code. */
export function answerText(bytes: Uint8Array): string {
  const message = decodeMessage(bytes);
  if (message.kind !== "message") return "malformed";
  const addresses = message.answers.map(({ type, rdata }) => formatRecordData(type, rdata));
  return addresses.length === 0 ? `code ${message.rcode}` : addresses.join(" ");
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A client of DNS over TLS that trusts everybody, so that it sees who is there. */
export interface TlsClient {
  readonly socket: TLSSocket;
  /** SHA-256 of the certificate that the server showed. */
  readonly fingerprint: string;
  readonly ask: (name: string) => Promise<string>;
}

export async function connectTls(port: number): Promise<TlsClient> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  let received: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
  return {
    socket,
    fingerprint: socket.getPeerCertificate().fingerprint256,
    ask: async (name) => {
      const question = questionFor(name);
      socket.write(Buffer.concat([Buffer.of(question.length >> 8, question.length & 255), question]));
      while (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) await once(socket, "data");
      const end = 2 + received.readUInt16BE(0);
      const answer = received.subarray(2, end);
      received = received.subarray(end);
      return answerText(answer);
    },
  };
}
