import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cidr, ManualClock } from "../../core/index.ts";
import { endpointSliceIndexers } from "../../objects/index.ts";
import type { EndpointSlice, Service, ServiceSpec } from "../../objects/index.ts";
import { FakeCache } from "../../../test/support/fake-cache.ts";
import { FakeKernel } from "../../../test/support/fake-ipvs.ts";
import { createProxy } from "../proxy.ts";
import { ipvsEngine } from "./ipvs.ts";

const services = 4;
const addresses = ["10.244.1.2", "10.244.2.2", "10.244.2.3"] as const;

/** One thing that happens. */
type Happening =
  /** A Service has these of the endpoints (a bit each), or is gone. */
  | { readonly kind: "change"; readonly service: number; readonly endpoints: number; readonly isThere: boolean }
  /** After so many operations so many fail. */
  | { readonly kind: "fail"; readonly after: number; readonly times: number }
  | { readonly kind: "connect"; readonly address: number; readonly active: number; readonly inactive: number }
  /** So much time passes; `waits`: until nothing goes on any more. */
  | { readonly kind: "pass"; readonly milliseconds: number; readonly waits: boolean }
  /** Somebody else takes something away. */
  | { readonly kind: "damage"; readonly what: keyof typeof damages };

const damages = {
  servers: (kernel: FakeKernel) => kernel.flush(),
  set: (kernel: FakeKernel) => kernel.flushSet("SEALANE-SERVICES"),
  server: (kernel: FakeKernel) => kernel.delete("-A -t 10.96.0.1:80"),
  destination: (kernel: FakeKernel) => kernel.delete("-a -t 10.96.0.1:80 -r 10.244.1.2:"),
};

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("change" as const),
      service: fc.nat(services - 1),
      endpoints: fc.nat(7),
      isThere: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("fail" as const), after: fc.nat(25), times: fc.nat(4) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("connect" as const),
      address: fc.nat(2),
      active: fc.nat(1),
      inactive: fc.nat(1),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      milliseconds: fc.constantFrom(0, 500, 5000, 60_000),
      waits: fc.boolean(),
    }),
  },
);

const damage = fc.record({
  kind: fc.constant("damage" as const),
  what: fc.constantFrom(...(Object.keys(damages) as (keyof typeof damages)[])),
});

/** An agent's proxy over a kernel that fails now and then. */
class World {
  readonly kernel = new FakeKernel();
  readonly clock = new ManualClock();
  readonly #services = new FakeCache<Service>();
  readonly #slices = new FakeCache<EndpointSlice>([], endpointSliceIndexers);
  readonly proxy;
  #after = 0;
  #failures = 0;

  constructor({ watchKernelMs }: { readonly watchKernelMs: number }) {
    this.kernel.pause = () => new Promise((resolve) => void setImmediate(resolve));
    this.kernel.beforeOperation = () => {
      if (this.#failures === 0 || this.#after-- > 0) return;
      this.#failures--;
      throw new Error("the kernel fails");
    };
    for (let i = 0; i < services; i++) this.#change(i, i + 1, true);
    const { kernel: ipvs, clock } = this;
    this.proxy = createProxy({
      nodeName: "node-1",
      caches: { services: this.#services, endpointSlices: this.#slices, nodes: new FakeCache() },
      engine: ipvsEngine({ ipvs, clock }),
      clock,
      network: { serviceCidrs: [cidr("10.96.0.0/16")] },
      watchKernelMs,
      fullSyncMs: 0,
    });
  }

  async happens(one: Happening): Promise<void> {
    if (one.kind === "change") this.#change(one.service, one.endpoints, one.isThere);
    else if (one.kind === "fail") {
      this.#after = one.after;
      this.#failures = one.times;
    } else if (one.kind === "damage") damages[one.what](this.kernel);
    else if (one.kind === "connect") this.kernel.connections.set(addresses[one.address] ?? "", one);
    else {
      this.clock.advance(one.milliseconds);
      await turns(one.waits ? 60 : 1);
    }
  }

  /** Nothing fails any more, every connection ends, and time passes. */
  async comesToRest(): Promise<void> {
    this.#failures = 0;
    this.kernel.connections.clear();
    for (let i = 0; i < 8; i++) {
      await turns(60);
      this.clock.advance(61_000);
    }
    await turns(60);
  }

  /** What a new agent writes for the same objects. */
  async wanted(): Promise<readonly string[]> {
    const ipvs = new FakeKernel();
    const proxy = createProxy({
      nodeName: "node-1",
      caches: { services: this.#services, endpointSlices: this.#slices, nodes: new FakeCache() },
      engine: ipvsEngine({ ipvs, clock: this.clock }),
      clock: this.clock,
      network: { serviceCidrs: [cidr("10.96.0.0/16")] },
      watchKernelMs: 0,
      fullSyncMs: 0,
    });
    await proxy.whenSynced();
    await proxy.stop();
    return ipvs.state;
  }

  #change(number: number, endpoints: number, isThere: boolean): void {
    if (isThere) this.#services.set(serviceObject(number));
    else this.#services.delete("tour", `web-${number}`);
    this.#slices.set(
      sliceObject(
        number,
        addresses.filter((_, i) => ((endpoints >> i) & 1) === 1),
      ),
    );
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => void setImmediate(resolve));
}

/** One is of UDP, and the last two have external addresses with the policy that takes marks. */
function serviceObject(number: number): Service {
  const protocol = protocolOf(number);
  const external: Partial<ServiceSpec> = { externalIPs: [`203.0.113.${number}`], externalTrafficPolicy: "Local" };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "tour", name: `web-${number}` },
    spec: {
      clusterIP: `10.96.0.${number + 1}`,
      ports: [{ name: "http", port: 80, protocol }],
      ...(number >= 2 ? external : {}),
    },
  };
}

function protocolOf(number: number): "TCP" | "UDP" {
  return number === 1 ? "UDP" : "TCP";
}

function sliceObject(number: number, chosen: readonly string[]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      namespace: "tour",
      name: `web-${number}-1`,
      labels: { "kubernetes.io/service-name": `web-${number}` },
    },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: protocolOf(number) }],
    endpoints: chosen.map((address) => ({
      addresses: [address],
      nodeName: address.startsWith("10.244.1.") ? "node-1" : "node-2",
    })),
  };
}

/** Lets these things happen, and compares what the kernel has in the end with what a new agent writes. */
async function comesRight(happenings: readonly Happening[], watchKernelMs: number): Promise<void> {
  const world = new World({ watchKernelMs });
  await turns(60);
  for (const one of happenings) await world.happens(one);
  await world.comesToRest();
  const state = world.kernel.state;
  const wanted = await world.wanted();
  await world.proxy.stop();
  expect(state).toEqual(wanted);
}

describe("a kernel that fails in the middle", () => {
  it("has everything that is wanted and nothing else after the next success, without a look at what it has", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 25 }), (happenings) => comesRight(happenings, 0)),
      { numRuns: 150 },
    );
  });

  it("has it also when others take things away, as far as a look at the kernel shows that", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 5, arbitrary: happening }, { weight: 1, arbitrary: damage }), { maxLength: 25 }),
        (happenings) => comesRight(happenings, 1000),
      ),
      { numRuns: 50 },
    );
  });
});
