// An agent's proxy as a process of its own, to be killed: node agent.mjs SOCKET NAMESPACE NODE MODE NETWORK. It says "synced" once,
// "writing" before each write to the kernel and "written" after it.
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
const engine = await openEngine(mode, { settings: { ...defaultProxySettings, mode }, log: silentLogger });
for (const name of ["writeAll", "writeChanges"]) {
  const write = engine[name];
  engine[name] = async (...args) => {
    process.send("writing");
    try {
      return await write.apply(engine, args);
    } finally {
      process.send("written");
    }
  };
}
const api = await connectCluster({ socketPath });
const proxy = createProxy({
  nodeName,
  caches: {
    services: createCache(api, resources.services, { clock }),
    endpointSlices: createCache(api, resources.endpointSlices, { clock, indexers: endpointSliceIndexers }),
    nodes: createCache(api, resources.nodes, { clock }),
  },
  engine,
  flows: openConntrack(),
  clock,
  network: JSON.parse(network),
  watchKernelMs: 100,
});
await proxy.whenSynced();
process.send("synced");
