import { cpus, loadavg } from "node:os";
import { duration, leadingOption, wholeNumber } from "./arguments.ts";
import { missingPrograms } from "./dns/peers.ts";
import type { ServerFacts, SocketResult, SocketRow } from "./dns/over-sockets.ts";
import { table } from "./table.ts";

const usage = "sealane bench dns [--seconds S] [SERVICES...] | soak [MINUTES] [SERVICES]";
const endpointsPerService = 5;
/** How long each row is measured over sockets; without them an eighth of it is enough. */
const defaultRowSeconds = "4";

/**
 * Measures cluster DNS: CPU of answers in this process, then `sealane dns` over sockets beside knot and unbound, for clusters
 * of so many Services (default 10,000 and 50,000), each row S seconds (default 4). `soak` instead checks every answer while the cluster changes.
 */
export async function run(args: readonly string[]): Promise<number> {
  if (args[0] === "soak") {
    const { runSoak } = await import("./dns/soak.ts");
    return runSoak(args.slice(1));
  }
  const { value = defaultRowSeconds, rest } = leadingOption(args, "--seconds");
  const rowSeconds = duration(value, "seconds", usage);
  const sizes = (rest.length === 0 ? ["10000", "50000"] : rest).map((text) => wholeNumber(text, "Services", 2, usage));
  const { benchDns, benchForwardedDns, inProcessText } = await import("./dns/in-process.ts");
  const rowMs = rowSeconds * 125;
  const own = benchDns(sizes[0], endpointsPerService, rowMs);
  const inProcess = { ...own, rows: [...own.rows, ...(await benchForwardedDns(undefined, rowMs))] };
  print(inProcessText(inProcess));
  const { missing, advice } = missingPrograms();
  if (advice !== "") print(`\n${advice}`);
  const overSockets: SocketResult[] = [];
  if (!missing.includes("dnsperf")) {
    const { benchSockets } = await import("./dns/over-sockets.ts");
    for (const services of sizes) {
      const result = await benchSockets({ services, endpointsPerService }, rowSeconds);
      print(`\n${socketText(result)}`);
      overSockets.push(result);
    }
  }
  print(JSON.stringify({ inProcess, overSockets }));
  return 0;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function socketText({ services, readyMs, rows, servers }: SocketResult): string {
  const us = (value: number) => value.toFixed(1);
  const mb = (value: number) => value.toFixed(0);
  const load = (loadavg()[0] ?? 0).toFixed(1);
  return [
    `Over sockets, ${services} Services, ${endpointsPerService} endpoints each; every server on one core of ${cpus().length}, dnsperf on another (load average ${load})`,
    table<SocketRow>(rows, [
      ["query", (row) => row.query.padEnd(24)],
      ["server", (row) => row.server.padEnd(8)],
      ["queries/s", (row) => `${row.perSecond}`],
      ["CPU us/query", (row) => us(row.userUs + row.systemUs)],
      ["user", (row) => us(row.userUs)],
      ["system", (row) => us(row.systemUs)],
      ["lost", (row) => `${row.lost}`],
    ]),
    "",
    table<ServerFacts>(servers, [
      ["server", ({ server }) => server.padEnd(8)],
      ["half load/s", ({ halfLoad }) => `${halfLoad.rate}`],
      ["median us", ({ halfLoad }) => mb(halfLoad.medianUs)],
      ["99 of 100 us", ({ halfLoad }) => mb(halfLoad.p99Us)],
      ["longest us", ({ halfLoad }) => mb(halfLoad.longestUs)],
      ["RSS MB", ({ memoryAtStart }) => mb(memoryAtStart.residentMb)],
      ["PSS MB", ({ memoryAtStart }) => mb(memoryAtStart.shareMb)],
      ["RSS MB after", ({ memoryAtEnd }) => mb(memoryAtEnd.residentMb)],
      ["PSS MB after", ({ memoryAtEnd }) => mb(memoryAtEnd.shareMb)],
      ["most RSS MB", ({ memoryAtEnd }) => mb(memoryAtEnd.peakMb)],
    ]),
    "memory: at the start, and after all of this and every name of each server once more, of sealane also as SRV and PTR",
    `sealane: start to ready ${(readyMs / 1000).toFixed(2)} s`,
  ].join("\n");
}
