import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cidr } from "../../../src/core/index.ts";
import { applyLinkSteps, createNamespace, removeNamespace } from "../../../src/kernel/index.ts";
import type { LinkStep } from "../../../src/kernel/index.ts";
import { planService } from "../../../src/model/index.ts";
import { objectKey, serviceKeyOf } from "../../../src/objects/index.ts";
import type { EndpointSlice, Service } from "../../../src/objects/index.ts";
import type { EngineUnderTest } from "./engines.ts";
import { addressOf, families, gatewayOf } from "./places.ts";
import { networkOf, placeOf } from "./sim-judge.ts";

/** A namespace that stands in for node-1: into it everything is loaded at once, for comparison. */
export class Twin {
  readonly #engine: EngineUnderTest;
  readonly #folder = mkdtempSync(join(tmpdir(), "sealane-twin-"));
  readonly #path = join(this.#folder, "twin");

  constructor(engine: EngineUnderTest) {
    this.#engine = engine;
    // The node's addresses, for engines that serve node ports, and its way out, for engines that listen at the address of that link.
    createNamespace(this.#path, () =>
      applyLinkSteps([
        { kind: "link", name: "lo", state: "up" },
        { kind: "veth", name: "eth0", peer: { name: "nobody", namespace: this.#path } },
        { kind: "link", name: "nobody", state: "up" },
        ...families.flatMap((family): readonly LinkStep[] => [
          { kind: "address", address: addressOf("node-1", family), prefix: family === "IPv4" ? 24 : 64, link: "eth0" },
          { kind: "address", address: gatewayOf("node-1", family), prefix: family === "IPv4" ? 32 : 128, link: "lo" },
          {
            kind: "route",
            to: cidr(family === "IPv4" ? "0.0.0.0/0" : "::/0"),
            via: addressOf("router", family),
            link: "eth0",
          },
        ]),
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
