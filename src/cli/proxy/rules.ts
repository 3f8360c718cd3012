import { askLab, planFromManifests, planInLab, readManifests, requireLab } from "../../app/index.ts";
import type { LabStatus, PlannedService } from "../../app/index.ts";
import { modeShortcomings, proxyModes, serviceRules } from "../../proxy/index.ts";
import type { ExplainedRule } from "../../model/index.ts";
import type { EngineMode } from "../../proxy/index.ts";
import { parseOptions, UsageError } from "../command.ts";
import { labFlags, labOptions } from "../lab-flags.ts";
import { print, printError, style } from "../terminal.ts";
import { modeOption, nodeName } from "./proxy-flags.ts";

/** `sealane proxy rules svc/NAME`. */
export async function rules(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions({
    args: [...args],
    allowPositionals: true,
    options: {
      ...labFlags,
      namespace: { type: "string", short: "n", default: "default" },
      node: { type: "string", default: "node-1" },
      mode: { type: "string" },
      file: { type: "string", short: "f", multiple: true },
      output: { type: "string", short: "o" },
    },
  });
  const [target, ...rest] = positionals;
  if (target === undefined || rest.length > 0) throw new UsageError("Say which Service: sealane proxy rules svc/NAME");
  if (values.output !== undefined && values.output !== "json") {
    throw new UsageError(`-o can be json, not ${values.output}`);
  }
  const request = { ...serviceIn(target, values.namespace), node: nodeName(values.node) };
  let planned: PlannedService;
  let modes: readonly EngineMode[];
  if (values.file === undefined) {
    const { directory } = requireLab(values.name);
    const status = await askLab<LabStatus>(directory.controlSocket, "status");
    planned = await planInLab(request, directory.apiSocket, status);
    const own = status.nodes.find(({ name }) => name === request.node)?.proxyMode ?? "nftables";
    modes = modesOf(values.mode ?? own);
  } else {
    const manifests = values.file.flatMap((path) => readManifests(path));
    planned = await planFromManifests(request, manifests, labOptions(values, process.cwd()));
    modes = modesOf(values.mode ?? "all");
  }
  const { plans, context } = planned;
  const sections = modes.map((mode) => ({
    mode,
    shortcomings: [...new Set(plans.flatMap((plan) => modeShortcomings(mode, plan, context)))],
    rules: serviceRules(mode, plans, context),
  }));
  if (values.output === "json") {
    print(JSON.stringify({ ...request, problems: planned.problems, modes: sections }, null, 2));
    return 0;
  }
  for (const problem of planned.problems) printError(`warning: ${problem}`);
  if (plans.length === 0) {
    print(`The proxy does nothing for ${request.namespace}/${request.name}: it has no cluster IP that a proxy serves.`);
    return 0;
  }
  print(sections.map((section) => sectionText(request, section)).join("\n\n"));
  return 0;
}

/** What one mode writes. */
interface Section {
  readonly mode: EngineMode;
  readonly shortcomings: readonly string[];
  readonly rules: readonly ExplainedRule[];
}

function sectionText(
  { namespace, name, node }: { readonly namespace: string; readonly name: string; readonly node: string },
  { mode, shortcomings, rules: list }: Section,
): string {
  return [
    style("bold", `${namespace}/${name} on ${node}, ${mode}:`),
    ...shortcomings.map((sentence) => style("yellow", `# Not as asked: ${sentence}`)),
    ...list.map(({ text, meaning }) => `${style("dim", `# ${meaning}`)}\n${text}`),
  ].join("\n");
}

/** `svc/NAME`, `service/NAME`, `NAME` or `NAMESPACE/NAME`. */
function serviceIn(text: string, namespace: string): { readonly namespace: string; readonly name: string } {
  const [first = "", second, ...rest] = text.split("/");
  if (rest.length > 0 || first === "" || second === "") {
    throw new UsageError(`Say svc/NAME or NAMESPACE/NAME, not ${JSON.stringify(text)}`);
  }
  if (second === undefined) return { namespace, name: first };
  const isKind = ["svc", "service", "services"].includes(first);
  return isKind ? { namespace, name: second } : { namespace: first, name: second };
}

function modesOf(text: string): readonly EngineMode[] {
  const all = proxyModes.filter((mode): mode is EngineMode => mode !== "ebpf");
  if (text === "all") return all;
  const mode = modeOption(text);
  return all.filter((one) => one === mode);
}
