import { afterAll, beforeAll, describe, it } from "vitest";
import { iptablesLegacy, iptablesNft, nftables, userspace } from "./engines.ts";
import { FaultyCluster } from "./faulty-cluster.ts";

const clusters = [nftables, iptablesLegacy, iptablesNft, userspace].map(
  (engine) => [engine.name, new FaultyCluster(engine, 20, 30_000)] as const,
);

// All at once: it is a minute of waiting.
describe.concurrent("an API that is away for a minute", () => {
  beforeAll(() => Promise.all(clusters.map(([, cluster]) => cluster.start())));
  afterAll(() => Promise.all(clusters.map(([, cluster]) => cluster.stop())));

  it.each(clusters)(
    "leaves traffic of mode %s alone, and what changes meanwhile is caught up with",
    (_, cluster) => cluster.withoutApiFor(60_000),
    120_000,
  );
});
