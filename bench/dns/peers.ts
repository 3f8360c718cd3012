import { accessSync, constants, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageFile } from "#layers/app";
import { addressesOf, clusterIpOf, isHeadless, serviceHost } from "./cluster.ts";
import type { BenchCluster, ClusterSize } from "./cluster.ts";
import { freePort, startServer } from "./server-process.ts";
import type { MeasuredServer } from "./server-process.ts";

/** The Debian package of each program that `sealane bench dns` asks with or compares with. */
const packages = { dnsperf: "dnsperf", knotd: "knot", unbound: "unbound" } as const;

type Program = keyof typeof packages;

/** The path of a program, `undefined` when it is not installed. */
export function programPath(name: Program): string | undefined {
  for (const folder of ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"]) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** What to say of programs that are not there; empty when all are. */
export function missingPrograms(): { readonly missing: readonly Program[]; readonly advice: string } {
  const missing = (Object.keys(packages) as Program[]).filter((name) => programPath(name) === undefined);
  const install = missing.map((name) => packages[name]).join(" ");
  const advice =
    missing.length === 0
      ? ""
      : `${missing.join(", ")} not found: without dnsperf nothing is measured over sockets, without the others there is no ` +
        `comparison. On Debian: apt-get install -y --no-install-recommends ${install}`;
  return { missing, advice };
}

/** How the measured `sealane dns` is set up. */
export interface SealaneSetup {
  readonly cluster: BenchCluster;
  /** Where names of elsewhere are asked for. */
  readonly upstreamPort: number;
  /** More arguments for Node, as `--cpu-prof`. */
  readonly nodeArguments?: readonly string[];
}

/** `sealane dns` with the Corefile of kubeadm: errors, metrics, cache and all. Gives the time from its start until it is ready. */
export async function startSealane(
  setup: SealaneSetup,
): Promise<{ readonly server: MeasuredServer; readonly readyMs: number; readonly metricsPort: number }> {
  const { cluster, upstreamPort, nodeArguments = [] } = setup;
  const [port, metricsPort] = [await freePort(), await freePort()];
  const corefile = join(cluster.folder, "Corefile");
  writeFileSync(
    corefile,
    `.:${port} {
    bind 127.0.0.1
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus 127.0.0.1:${metricsPort}
    forward . 127.0.0.1:${upstreamPort}
    cache 30
    loadbalance
}
`,
  );
  const program = [process.execPath, ...nodeArguments, packageFile("bin/sealane.js")];
  const command = [...program, "dns", "--kubeconfig", cluster.kubeconfig, "--corefile", corefile];
  const started = performance.now();
  const server = await startServer("sealane", port, command, "All names");
  return { server, readyMs: performance.now() - started, metricsPort };
}

/** knot with one worker and the same names as a zone file; without names of elsewhere, which it does not ask for. */
export async function startKnot(program: string, folder: string, size: ClusterSize): Promise<MeasuredServer> {
  const port = await freePort();
  const home = join(folder, "knot");
  mkdirSync(home);
  const lines = [
    "cluster.local. 30 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 30",
    "cluster.local. 30 IN NS ns.dns.cluster.local.",
    "ns.dns.cluster.local. 30 IN A 10.96.0.10",
    ...addressRecords(size),
  ];
  writeFileSync(join(home, "cluster.zone"), `${lines.join("\n")}\n`);
  const configuration = join(home, "knot.conf");
  writeFileSync(
    configuration,
    `server:
  listen: 127.0.0.1@${port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  rundir: ${home}
database:
  storage: ${home}
template:
  - id: default
    storage: ${home}
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
zone:
  - domain: cluster.local
    file: cluster.zone
`,
  );
  return startServer("knot", port, [program, "-c", configuration], "loaded, serial none");
}

/** unbound with one thread, the same names as local data, and its cache for those of elsewhere. */
export async function startUnbound(
  program: string,
  folder: string,
  size: ClusterSize,
  upstreamPort: number,
): Promise<MeasuredServer> {
  const port = await freePort();
  const home = join(folder, "unbound");
  mkdirSync(home);
  const configuration = join(home, "unbound.conf");
  writeFileSync(
    configuration,
    `server:
  interface: 127.0.0.1
  port: ${port}
  num-threads: 1
  do-daemonize: no
  use-syslog: no
  chroot: ""
  username: ""
  directory: "${home}"
  pidfile: ""
  module-config: "iterator"
  do-not-query-localhost: no
  incoming-num-tcp: 100
  msg-cache-size: 16m
  rrset-cache-size: 16m
  local-zone: "cluster.local." static
  local-data: "cluster.local. 30 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 30"
${addressRecords(size)
  .map((record) => `  local-data: "${record}"`)
  .join("\n")}
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@${upstreamPort}
`,
  );
  return startServer("unbound", port, [program, "-d", "-c", configuration]);
}

function addressRecords({ services, endpointsPerService }: ClusterSize): readonly string[] {
  const records: string[] = [];
  for (let i = 0; i < services; i++) {
    const addresses = isHeadless(i) ? addressesOf(i, endpointsPerService) : [clusterIpOf(i)];
    for (const address of addresses) records.push(`${serviceHost(i)}. 30 IN A ${address}`);
  }
  return records;
}
