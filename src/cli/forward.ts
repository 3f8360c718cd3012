import { once } from "node:events";
import { existsSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { askLab, requireLab } from "../app/index.ts";
import { connectCluster } from "../client/index.ts";
import { startForward } from "../lab/index.ts";
import type { Place } from "../lab/index.ts";
import { stderrLogger } from "../net/index.ts";
import { integerOption, parseOptions, UsageError } from "./command.ts";
import type { Command } from "./command.ts";
import { forwardRoute, parseForwardTarget } from "./forward-target.ts";
import { print, printError } from "./terminal.ts";

const help = `Usage: sealane forward svc/NAME[:PORT]|lb/NAME[:PORT]|ingress [LOCALPORT] [-n NAMESPACE] [--from PLACE]

Opens a port on the host's loopback that leads to a Service, for as long as the command runs. Each connection enters the lab anew and
takes the real way through it: it is balanced, and goes on working when pods change. A Service is entered from a node, as its pods
would; a LoadBalancer address (lb/) and the Ingress from the client outside.

  LOCALPORT     port on 127.0.0.1 (default: a free one, which is printed)
  --from PLACE  client, router, node/N or pod/NAME instead
  -n NAMESPACE  namespace of the Service and of pods (default: default)
  --name LAB    the lab (default: default)`;

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions({
    args: [...args],
    allowPositionals: true,
    options: {
      name: { type: "string", default: "default" },
      namespace: { type: "string", short: "n", default: "default" },
      from: { type: "string" },
    },
  });
  const [text, localPort = "0", ...rest] = positionals;
  if (text === undefined || rest.length > 0)
    throw new UsageError("Say what to reach: svc/NAME[:PORT], lb/NAME or ingress");
  const target = parseForwardTarget(text);
  const port = integerOption("LOCALPORT", localPort, 0, 65535);
  const { directory } = requireLab(values.name);
  const api = await connectCluster({ socketPath: directory.apiSocket });
  const route = async () => {
    const { from, host, port: to } = await forwardRoute(api, target, values.namespace, values.from);
    const place = await askLab<Place>(directory.controlSocket, "place", { place: from, namespace: values.namespace });
    return { from: place.namespace, host, port: to, text: from };
  };
  const first = await route();
  const forward = await startForward({
    relay: directory.relaySocket,
    target: route,
    port,
    log: stderrLogger({ level: "warn" }),
  });
  print(`http://127.0.0.1:${forward.port} -> ${text} (${first.host}:${first.port}, from ${first.text}); Ctrl-C ends`);
  const labEnds = watchForEnd(directory.path);
  const stopped = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM"), once(process, "SIGHUP")]);
  const isGone = await Promise.race([labEnds.gone.then(() => true), stopped.then(() => false)]);
  labEnds.close();
  forward.close();
  api.close();
  if (isGone) printError(`Lab ${values.name} is gone; nothing is forwarded any more`);
  return isGone ? 1 : 0;
}

/** `gone` resolves when the lab's folder has been removed: the last thing that happens to a lab, however it ends. */
function watchForEnd(folder: string): { readonly gone: Promise<void>; close(): void } {
  let watcher: FSWatcher | undefined;
  const gone = new Promise<void>((resolve) => {
    watcher = watch(folder, () => {
      if (!existsSync(folder)) resolve();
    });
    watcher.on("error", () => resolve());
  });
  return { gone, close: () => watcher?.close() };
}

export const command: Command = { help, run };
