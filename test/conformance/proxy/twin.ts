import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyLinkSteps, createNamespace, removeNamespace } from "../../../src/kernel/index.ts";
import { planService } from "../../../src/model/index.ts";
import { objectKey, serviceKeyOf } from "../../../src/objects/index.ts";
import type { EndpointSlice, Service } from "../../../src/objects/index.ts";
import type { EngineUnderTest } from "./engines.ts";
import { addressesOf } from "./places.ts";
import { networkOf, placeOf } from "./sim-judge.ts";

/** A namespace that stands in for node-1: into it everything is loaded at once, for comparison. */
export class Twin {
  readonly #engine: EngineUnderTest;
  readonly #folder = mkdtempSync(join(tmpdir(), "sealane-twin-"));
  readonly #path = join(this.#folder, "twin");

  constructor(engine: EngineUnderTest) {
    this.#engine = engine;
    // Engines that serve node ports need the node's addresses.
    createNamespace(this.#path, () =>
      applyLinkSteps([
        { kind: "link", name: "lo", state: "up" },
        ...addressesOf("node-1").map((address) => ({
          kind: "address" as const,
          address,
          prefix: address.includes(":") ? 128 : 32,
          link: "lo",
        })),
      ]),
    );
  }

  /** The kernel's state on node-1 after one full load of these objects. */
  async stateOf(services: readonly Service[], slices: readonly EndpointSlice[]): Promise<string> {
    const byService = new Map<string | undefined, EndpointSlice[]>();
    for (const slice of slices) {
      const own = byService.get(serviceKeyOf(slice)) ?? [];
      byService.set(serviceKeyOf(slice), [...own, slice]);
    }
    const fresh = this.#engine.open(this.#path);
    try {
      fresh.setNetwork(networkOf("node-1", {}));
      for (const service of services) {
        const key = objectKey(service);
        fresh.want(key, planService(service, byService.get(key) ?? [], placeOf("node-1")).ports);
      }
      await fresh.writeAll(services.map(objectKey));
      return await this.#engine.state(this.#path);
    } finally {
      fresh.close();
    }
  }

  close(): void {
    removeNamespace(this.#path);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
