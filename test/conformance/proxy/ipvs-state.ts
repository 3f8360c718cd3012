import { runProgram } from "../../../src/kernel/index.ts";
import { parseIpvsadm, render } from "../../../src/rules/ipvs/index.ts";

/**
 * What the IPVS engine has in a namespace, as the tools list it, sorted: without destinations that wait for their connections to end, and
 * servers that have nothing else.
 */
export async function ipvsState(namespace: string): Promise<string> {
  const run = (argv: readonly [string, ...string[]]) => runProgram(argv, { namespace });
  const lines = (text: string) => text.split("\n").map((line) => line.trim());
  const destinations = parseIpvsadm(await run(["ipvsadm", "-S", "-n"])).filter(
    (statement) => statement.kind !== "add-destination" || statement.destination.weight > 0,
  );
  const texts = destinations.map(render);
  const isServed = (line: string) =>
    !line.startsWith("-A ") || texts.some((other) => other.startsWith(line.replace(/^-A (.*?) -s .*$/, "-a $1 ")));
  const sets = lines(await run(["ipset", "save"])).map((line) => line.replace(/^(create \S+ \S+ family \S+).*$/, "$1"));
  const rules = await Promise.all(
    ["iptables", "ip6tables"].map(async (program) =>
      lines(await run([`${program}-legacy-save`]))
        .filter((line) => line.includes("SEALANE-IPVS"))
        .map((line) => `${program} ${line.replace(/ \[\d+:\d+\]$/, "")}`),
    ),
  );
  const routes = await Promise.all(
    ["-4", "-6"].map((family) => run(["ip", family, "route", "show", "table", "local", "type", "local"])),
  );
  const addresses = lines(routes.join("\n")).filter((line) => / dev kube-ipvs0 /.test(line) && !/ fe80:/.test(line));
  return [...texts.filter(isServed), ...sets, ...rules.flat(), ...addresses].sort().join("\n");
}
