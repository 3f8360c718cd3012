import { askLab, requireLab } from "../../app/index.ts";
import type { TraceReport, TraceRequest } from "../../app/index.ts";
import { parseOptions, UsageError } from "../command.ts";
import type { Command } from "../command.ts";
import { print } from "../terminal.ts";
import { traceText } from "./trace-text.ts";

const help = `Usage: sealane dns trace pod/NAME[.NAMESPACE] NAME [OPTIONS]

Looks a name up as a pod of a lab does, with real queries from the pod's network, and shows each query: who answered it, why,
and why the resolver goes on or stops; then what the lookup cost, and what would make it cheaper. NAME may be an address, whose
names are then looked up. The exit code is 1 when nothing is found.

  -t TYPE          A, AAAA, SRV, PTR or ALL: A and AAAA together, as most programs ask (default)
  --resolver NAME  which C library the pod's programs have: glibc (default) or musl (Alpine)
  -n NAMESPACE     namespace of the pod (default: the only one that has a pod of that name, or default)
  -o json          all of it, for programs
  --name LAB       the lab (default: default)

  sealane dns trace pod/web-0 api.example.com
  sealane dns trace pod/web-0.shop db -t SRV --resolver musl`;

const types = { A: ["A"], AAAA: ["AAAA"], SRV: ["SRV"], PTR: ["PTR"], ALL: ["A", "AAAA"] } as const;

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions({
    args: [...args],
    allowPositionals: true,
    options: {
      type: { type: "string", short: "t" },
      resolver: { type: "string", default: "glibc" },
      namespace: { type: "string", short: "n" },
      output: { type: "string", short: "o", default: "text" },
      name: { type: "string", default: "default" },
    },
  });
  const [place, name, ...rest] = positionals;
  const pod = /^pods?\/([^/]+)$/.exec(place ?? "")?.[1];
  if (place === undefined) throw new UsageError("Say which pod looks what up: sealane dns trace pod/NAME NAME");
  if (pod === undefined) throw new UsageError(`Only pods can be traced, as pod/NAME, not ${JSON.stringify(place)}`);
  if (name === undefined || name === "") throw new UsageError("Say which name to look up, after the pod");
  if (rest.length > 0) throw new UsageError(`One name at a time, not also ${rest.join(" ")}`);
  const { resolver, output } = values;
  if (resolver !== "glibc" && resolver !== "musl") {
    throw new UsageError(`--resolver must be glibc or musl, not ${JSON.stringify(resolver)}`);
  }
  if (output !== "text" && output !== "json") throw new UsageError(`-o must be json, not ${JSON.stringify(output)}`);
  const request: TraceRequest = {
    pod,
    namespace: values.namespace ?? null,
    name,
    types: values.type === undefined ? null : typesOf(values.type),
    resolver,
  };
  const { directory } = requireLab(values.name);
  const report = await askLab<TraceReport>(directory.controlSocket, "trace-dns", request);
  print(output === "json" ? JSON.stringify(report, undefined, 2) : traceText(report));
  return report.end === "found" ? 0 : 1;
}

function typesOf(text: string): TraceRequest["types"] {
  const found = Object.entries(types).find(([name]) => name === text.toUpperCase());
  if (found === undefined) {
    throw new UsageError(`-t must be one of ${Object.keys(types).join(", ")}, not ${JSON.stringify(text)}`);
  }
  return found[1];
}

export const command: Command = { help, run };
