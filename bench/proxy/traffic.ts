import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { packageFile } from "#layers/app";
import { podAddress } from "./network.ts";
import type { BenchNetwork } from "./network.ts";
import { trafficAddress } from "./objects.ts";
import type { PeerReport, PeerTask } from "./peer.ts";

/** Traffic through a Service beside the same traffic straight to its pod, in one run. */
export interface TrafficResult {
  readonly connectDirectUs: number;
  readonly connectServiceUs: number;
  readonly connectRatio: number;
  readonly connectsPerSecond: number;
  readonly connectsPerSecondDirect: number;
  /** One long stream from the client to the pod. */
  readonly uploadDirectMbS: number;
  readonly uploadServiceMbS: number;
  readonly uploadRatio: number;
  /** And one back. */
  readonly downloadDirectMbS: number;
  readonly downloadServiceMbS: number;
  readonly downloadRatio: number;
}

const rounds = 5;
const connectsPerRound = 1000;
const streamBytes = 1e9;

/** Measures connect() in alternating rounds, then one long stream each way. */
export async function measureTraffic(network: BenchNetwork): Promise<TrafficResult> {
  const server = start({ kind: "server", namespace: network.pod });
  try {
    await reportOf(server);
    const direct: number[] = [];
    const service: number[] = [];
    const perSecond: { direct: number; service: number }[] = [];
    for (let round = 0; round <= rounds; round++) {
      const straight = await connects(network, podAddress, 8080);
      const through = await connects(network, trafficAddress, 80);
      // The first round warms everything up.
      if (round === 0) continue;
      direct.push(...straight.microseconds);
      service.push(...through.microseconds);
      perSecond.push({ direct: straight.perSecond, service: through.perSecond });
    }
    const upload = await streams(network, 8081, 81);
    const download = await streams(network, 8082, 82);
    return {
      connectDirectUs: median(direct),
      connectServiceUs: median(service),
      connectRatio: median(service) / median(direct),
      connectsPerSecond: median(perSecond.map((one) => one.service)),
      connectsPerSecondDirect: median(perSecond.map((one) => one.direct)),
      uploadDirectMbS: upload.direct,
      uploadServiceMbS: upload.service,
      uploadRatio: upload.service / upload.direct,
      downloadDirectMbS: download.direct,
      downloadServiceMbS: download.service,
      downloadRatio: download.service / download.direct,
    };
  } finally {
    server.kill();
  }
}

async function connects({ client }: BenchNetwork, address: string, port: number) {
  const answer = await ask({ kind: "connect", namespace: client, address, port, count: connectsPerRound });
  if (answer.kind !== "connects") throw new Error("no answer about connects");
  return answer;
}

/** Medians of three rounds each way. */
async function streams(network: BenchNetwork, podPort: number, servicePort: number) {
  const rounds: { readonly direct: number; readonly service: number }[] = [];
  for (let round = 0; round < 3; round++) {
    rounds.push({
      direct: await stream(network, podAddress, podPort),
      service: await stream(network, trafficAddress, servicePort),
    });
  }
  return { direct: median(rounds.map((one) => one.direct)), service: median(rounds.map((one) => one.service)) };
}

async function stream({ client }: BenchNetwork, address: string, port: number): Promise<number> {
  const answer = await ask({ kind: "stream", namespace: client, address, port, bytes: streamBytes });
  if (answer.kind !== "stream") throw new Error("no answer about a stream");
  return answer.megabytesPerSecond;
}

async function ask(task: PeerTask): Promise<PeerReport> {
  const peer = start(task);
  try {
    return await reportOf(peer);
  } finally {
    peer.kill();
  }
}

function start(task: PeerTask): ChildProcess {
  return fork(packageFile("dist/bench/proxy/peer.js"), [JSON.stringify(task)]);
}

function reportOf(peer: ChildProcess): Promise<PeerReport> {
  return new Promise((resolve, reject) => {
    peer.once("message", (message) => resolve(message as PeerReport));
    peer.once("exit", (code) => reject(new Error(`a peer ended with exit code ${code}`)));
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
