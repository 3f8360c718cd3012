import { readTextFile, runDns } from "../app/index.ts";
import type { DnsService, DnsSource } from "../app/index.ts";
import { parseIp } from "../core/index.ts";
import type { Ip } from "../core/index.ts";
import { parseResolvConf, readCorefile } from "../dns/index.ts";
import type { DnsConfiguration } from "../dns/index.ts";
import { stderrLogger } from "../net/index.ts";
import { integerOption, parseOptions, UsageError } from "./command.ts";
import type { Command } from "./command.ts";
import { dnsFlags, dnsFlagsHelp, dnsCorefile } from "./dns-flags.ts";
import { print } from "./terminal.ts";

const help = `Usage: sealane dns [--kubeconfig FILE] --corefile FILE
       sealane dns [--kubeconfig FILE] [OPTIONS]
       sealane dns trace pod/NAME[.NAMESPACE] NAME [OPTIONS]

trace shows every query that a pod of a lab makes for a name: sealane dns trace --help

Serves the DNS of a cluster, as CoreDNS does: over UDP and TCP, from copies of the API's objects. SIGTERM and Ctrl-C end it
when everything that was asked is answered, SIGHUP makes it read its Corefile again.

  --kubeconfig FILE     the cluster (default: the Corefile's, then that of the pod that this runs in)
  --corefile FILE       a configuration as CoreDNS reads it, in the place of the options below that are marked *
  --port PORT           where blocks listen that name no port (default 53)
  --bind ADDRESS        address or interface to listen on; repeatable (default: every address)
  --cluster-ip IP       the cluster IP of the DNS Service; repeatable. Upstreams of this address are left out
  --log-level LEVEL     debug, info (default), warn or error
${dnsFlagsHelp}`;

const levels = ["debug", "info", "warn", "error"] as const;

async function run(args: readonly string[]): Promise<number> {
  const { values } = parseOptions({
    args: [...args],
    options: {
      kubeconfig: { type: "string" },
      corefile: { type: "string" },
      port: { type: "string" },
      bind: { type: "string", multiple: true },
      "cluster-ip": { type: "string", multiple: true },
      "log-level": { type: "string", default: "info" },
      ...dnsFlags,
    },
  });
  const level = levels.find((one) => one === values["log-level"]);
  if (level === undefined) throw new UsageError(`--log-level must be one of ${levels.join(", ")}`);
  const port = values.port === undefined ? undefined : integerOption("port", values.port, 1, 65_535);
  const source: DnsSource =
    values.corefile === undefined
      ? { kind: "fixed", configuration: configurationOf(dnsCorefile(values), port) }
      : { kind: "corefile", path: corefile(values.corefile, values) };
  const service = await runDns({
    source,
    kubeconfig: values.kubeconfig ?? process.env["KUBECONFIG"],
    ...(port === undefined ? {} : { port }),
    bind: values.bind ?? [],
    nameservers: (values["cluster-ip"] ?? []).map((text) => address("cluster-ip", text)),
    log: stderrLogger({ level }),
    writeQuery: print,
  });
  print(`DNS answers on ${service.places.join(" ")}`);
  if (service.configuration.servers.some(({ kubernetes }) => kubernetes !== undefined)) {
    void service.whenReady().then(() => print("All names of the cluster are there"));
  }
  await ended(service);
  return 0;
}

/** Resolves when a signal has ended the service. */
async function ended(service: DnsService): Promise<void> {
  process.on("SIGHUP", () => void service.reload().then((outcome) => print(`Configuration ${outcome}`)));
  await new Promise<void>((resolve) => {
    let isEnding = false;
    const end = () => {
      // Asked twice, it ends at once.
      void service.close(isEnding).then(resolve);
      if (!isEnding) print("Ending: answering what was asked");
      isEnding = true;
    };
    process.on("SIGTERM", end);
    process.on("SIGINT", end);
  });
}

function configurationOf(text: string, port: number | undefined): DnsConfiguration {
  return readCorefile(text, "(options)", {
    environment: () => undefined,
    readText: (path) => {
      const read = readTextFile(path);
      if (read === undefined || parseResolvConf(read).nameservers.length === 0) {
        throw new UsageError(`${path} names no server: say who is asked for other names with --upstream IP`);
      }
      return read;
    },
    ...(port === undefined ? {} : { port }),
  });
}

function corefile(path: string, values: Readonly<Record<string, unknown>>): string {
  const both = Object.keys(dnsFlags).find((flag) => values[flag] !== undefined);
  if (both !== undefined) throw new UsageError(`--corefile and --${both} exclude each other: write it into ${path}`);
  return path;
}

function address(flag: string, text: string): Ip {
  const parsed = parseIp(text);
  if (parsed === undefined) throw new UsageError(`--${flag} must be an IP address, not ${JSON.stringify(text)}`);
  return parsed;
}

export const command: Command = {
  help,
  run,
  subcommands: { trace: async () => (await import("./dns/trace.ts")).command },
};
