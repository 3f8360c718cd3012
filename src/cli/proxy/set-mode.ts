import { askLab, requireLab } from "../../app/index.ts";
import { parseOptions, UsageError } from "../command.ts";
import { print } from "../terminal.ts";
import { modeOption, nodeName } from "./proxy-flags.ts";

/** `sealane proxy set-mode NODE MODE`. */
export async function setMode(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions({
    args: [...args],
    allowPositionals: true,
    options: { name: { type: "string", default: "default" } },
  });
  const [nodeText, modeText, ...rest] = positionals;
  if (nodeText === undefined || modeText === undefined || rest.length > 0) {
    throw new UsageError("Say which node and which mode: sealane proxy set-mode NODE MODE");
  }
  const node = nodeName(nodeText);
  const mode = modeOption(modeText);
  const { directory } = requireLab(values.name);
  await askLab(directory.controlSocket, "set-proxy-mode", { node, mode });
  print(`${node}: new connections go by ${mode} now; the rules of the former mode are gone`);
  return 0;
}
