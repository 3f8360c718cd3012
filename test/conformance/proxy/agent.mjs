// An agent's proxy as a process of its own, to be killed: node agent.mjs SOCKET NAMESPACE NODE MODE NETWORK. It says "synced" once.
import { openEngine } from "#layers/app";
import { connectCluster, createCache } from "#layers/client";
import { silentLogger } from "#layers/core";
import { enterNamespace, openConntrack } from "#layers/kernel";
import { systemClock as clock } from "#layers/net";
import { endpointSliceIndexers, resources } from "#layers/objects";
import { createProxy, defaultProxySettings } from "#layers/proxy";

const [, , socketPath, namespace, nodeName, mode, network] = process.argv;
process.once("disconnect", () => process.exit(0));
enterNamespace(namespace);
const api = await connectCluster({ socketPath });
const proxy = createProxy({
  nodeName,
  caches: {
    services: createCache(api, resources.services, { clock }),
    endpointSlices: createCache(api, resources.endpointSlices, { clock, indexers: endpointSliceIndexers }),
    nodes: createCache(api, resources.nodes, { clock }),
  },
  engine: await openEngine(mode, { settings: { ...defaultProxySettings, mode }, log: silentLogger }),
  flows: openConntrack(),
  clock,
  network: JSON.parse(network),
  watchKernelMs: 100,
});
await proxy.whenSynced();
process.send("synced");
