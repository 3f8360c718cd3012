import { seededRandom } from "#layers/core";
import { duration, wholeNumber } from "../arguments.ts";
import { startBenchCluster } from "./cluster.ts";
import type { ClusterSize } from "./cluster.ts";
import { startSealane } from "./peers.ts";
import { cpuOf, memoryNow, moveToClientCore } from "./server-process.ts";
import type { MeasuredServer } from "./server-process.ts";
import { SoakClient } from "./soak-client.ts";
import type { SoakCounts } from "./soak-client.ts";
import { SoakStates } from "./soak-states.ts";
import { startUpstream } from "./upstream.ts";

const usage = "sealane bench dns soak [MINUTES] [SERVICES]";
const changesPerSecond = 100;
const endpointsPerService = 5;
const warmUpSeconds = 2;
/** Compilers and buffers take a while to settle: shorter runs say nothing about memory. */
const leastMinutesForMemory = 1;
/** By how much memory may differ between the second and the last fifth of a run. */
const allowedGrowthMb = 10;
const allowedGrowth = 0.1;

/** What a soak found. */
export interface SoakResult extends ClusterSize, SoakCounts {
  readonly minutes: number;
  readonly changes: number;
  readonly rate: number;
  /** The share of its core that the server used. */
  readonly serverCpu: number;
  /** Resident memory, the most in the second and in the last fifth; undefined for short runs. */
  readonly earlyMb: number | undefined;
  readonly lateMb: number | undefined;
  readonly isGood: boolean;
}

/**
 * Asks `sealane dns` half of what it can answer, while 100 Services a second change, and checks every answer. Prints a summary;
 * gives 1 when an answer was wrong or missing or memory grew.
 */
export async function runSoak(args: readonly string[]): Promise<number> {
  const minutes = duration(args[0] ?? "5", "minutes", usage);
  const services = wholeNumber(args[1] ?? "10000", "Services", 300, usage);
  const result = await soak({ services, endpointsPerService }, minutes);
  process.stdout.write(`${text(result)}\n${JSON.stringify(result)}\n`);
  return result.isGood ? 0 : 1;
}

async function soak(size: ClusterSize, minutes: number): Promise<SoakResult> {
  moveToClientCore();
  const stops: (() => unknown)[] = [];
  try {
    const cluster = await startBenchCluster(size);
    stops.push(() => cluster.close());
    const upstream = await startUpstream();
    stops.push(() => upstream.close());
    const { server } = await startSealane({ cluster, upstreamPort: upstream.port });
    stops.push(() => server.stop());
    const states = new SoakStates(cluster.api, size, seededRandom(1));
    const rate = await halfOf(server, states, size);
    const client = new SoakClient(states, size, seededRandom(3));
    await client.open(server.port);
    stops.push(() => client.close());

    const memory: number[] = [];
    const watch = setInterval(() => memory.push(memoryNow(server.pid).residentMb), 1000);
    const failures: unknown[] = [];
    const started = performance.now();
    let begun = 0;
    const change = setInterval(() => {
      // Timers are late when there is much to do.
      for (const due = ((performance.now() - started) * changesPerSecond) / 1000; begun < due; begun++) {
        states.change().catch((error: unknown) => failures.push(error));
      }
    }, 1000 / changesPerSecond);
    stops.push(
      () => clearInterval(watch),
      () => clearInterval(change),
    );
    const before = cpuOf(server.pid);
    await client.ask(rate, minutes * 60);
    const after = cpuOf(server.pid);
    clearInterval(change);
    clearInterval(watch);
    if (failures.length > 0) throw failures[0];

    const counts = client.counts();
    const isLong = minutes >= leastMinutesForMemory;
    const fifth = Math.floor(memory.length / 5);
    const [earlyMb, lateMb] = isLong
      ? [Math.max(...memory.slice(fifth, 2 * fifth)), Math.max(...memory.slice(-fifth))]
      : [undefined, undefined];
    const grew = earlyMb === undefined || lateMb === undefined ? 0 : lateMb - earlyMb;
    const isFlat = grew <= Math.max(allowedGrowthMb, (earlyMb ?? 0) * allowedGrowth);
    const cpu = after.user + after.system - before.user - before.system;
    return {
      ...size,
      ...counts,
      minutes,
      changes: states.changes,
      rate,
      serverCpu: cpu / (minutes * 60e6),
      earlyMb,
      lateMb,
      isGood: counts.wrong === 0 && counts.lost === 0 && counts.answered > 0 && states.changes > 0 && isFlat,
    };
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

/** Half of what the server's core can answer, or what this process can ask and check beside everything else if that is less. */
async function halfOf(server: MeasuredServer, states: SoakStates, size: ClusterSize): Promise<number> {
  const client = new SoakClient(states, size, seededRandom(2));
  await client.open(server.port);
  await client.ask(Infinity, warmUpSeconds / 2);
  const [answered, before] = [client.answered, cpuOf(server.pid)];
  await client.ask(Infinity, warmUpSeconds / 2);
  const now = cpuOf(server.pid);
  const each = (now.user + now.system - before.user - before.system) / (client.answered - answered);
  client.close();
  const perSecond = ((client.answered - answered) * 2) / warmUpSeconds;
  return Math.round(Math.min(0.5e6 / each, 0.7 * perSecond));
}

function text(result: SoakResult): string {
  const { minutes, services, changes, rate, sent, lost, wrong, complaints, late, latestMs, earlyMb, lateMb } = result;
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const memory =
    earlyMb === undefined || lateMb === undefined
      ? "not judged in less than a minute"
      : `${earlyMb.toFixed(0)} MB in the second fifth, ${lateMb.toFixed(0)} MB in the last`;
  return [
    `Soak of ${minutes} min: ${services} Services, ${endpointsPerService} endpoints each, ${changes} changes, ${rate} queries a second wanted`,
    `server's core      ${(result.serverCpu * 100).toFixed(0)} % used`,
    `queries            ${sent} (${(sent / (minutes * 60)).toFixed(0)} a second)`,
    `lost               ${lost}`,
    `wrong              ${wrong}`,
    ...complaints.map((complaint) => `                   ${complaint}`),
    `just replaced      ${late} answers, at most ${ms(latestMs)} before the question`,
    `latency            median ${ms(result.medianMs)}, 99 of 100 ${ms(result.p99Ms)}, longest ${ms(result.longestMs)}`,
    `resident memory    ${memory}`,
    result.isGood ? "good" : "NOT GOOD",
  ].join("\n");
}
