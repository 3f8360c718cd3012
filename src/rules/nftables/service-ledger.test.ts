import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ServicePlan } from "../../model/index.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import { elementSets } from "./element-text.ts";
import { planText } from "./plan-text.ts";
import { ServiceLedger } from "./service-ledger.ts";
import { StickyNumbers } from "./sticky.ts";

const pods = Array.from({ length: 6 }, (_, i) => endpointAt(`10.244.1.${i + 2}`, "node-1"));

/** Services that share external addresses, node ports and pods. */
const anyPlan = (service: number): fc.Arbitrary<ServicePlan> =>
  fc
    .record({
      port: fc.constantFrom(80, 443),
      which: fc.subarray(pods),
      external: fc.subarray(["203.0.113.1", "203.0.113.2"]),
      nodePort: fc.constantFrom(undefined, 30_001, 30_002),
      policy: fc.constantFrom("Cluster", "Local"),
      affinitySeconds: fc.constantFrom(undefined, 60),
      isHere: fc.boolean(),
    })
    .map(({ port, which, external, nodePort, policy, affinitySeconds, isHere }) =>
      planWith({
        service: `ns/svc-${service}`,
        portName: `p${port}`,
        clusterIP: `10.96.0.${service + 1}`,
        port,
        externalIPs: external,
        externalTrafficPolicy: policy,
        cluster: which,
        local: isHere ? which.slice(0, 2) : [],
        onNode: isHere ? which.slice(0, 3) : [],
        whenExternalEmpty: which.length > 0 ? "drop" : "reject",
        ...(nodePort === undefined ? {} : { nodePort }),
        ...(affinitySeconds === undefined ? {} : { affinitySeconds }),
      }),
    );

const step = fc.integer({ min: 0, max: 3 }).chain((service) =>
  fc.record({
    service: fc.constant(`ns/svc-${service}`),
    plans: fc.uniqueArray(anyPlan(service), { maxLength: 2, selector: ({ port }) => port }),
    // Not every change is written before the next one comes.
    isWritten: fc.boolean(),
  }),
);

type Elements = Map<string, string | undefined>;

function wantedElements(ledger: ServiceLedger): Elements {
  const elements: Elements = new Map();
  for (const set of elementSets) {
    for (const _ of ledger.eachOf(set, ({ key, value }) => elements.set(`${set} ${key}`, value))) continue;
  }
  return elements;
}

function wantedComments(ledger: ServiceLedger): Elements {
  const comments: Elements = new Map();
  for (const set of elementSets) {
    for (const _ of ledger.eachOf(set, ({ key, comment }) => comments.set(`${set} ${key}`, comment))) continue;
  }
  return comments;
}

describe("ServiceLedger", () => {
  it("brings the kernel from anything to what is wanted, and never adds what is there or deletes what is not", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const ledger = new ServiceLedger();
        const sticky = new StickyNumbers();
        const kernel: Elements = new Map();
        let waiting: string[] = [];
        const write = (): void => {
          const changes = ledger.changes(waiting);
          const comments = wantedComments(ledger);
          for (const { set, elements } of changes.deletions)
            for (const { key } of elements) expect(kernel.delete(`${set} ${key}`)).toBe(true);
          for (const { set, elements } of changes.additions)
            for (const { key, value, comment } of elements) {
              expect([key, comment]).toEqual([key, comments.get(`${set} ${key}`)]);
              expect(kernel.has(`${set} ${key}`)).toBe(false);
              kernel.set(`${set} ${key}`, value);
            }
          changes.commit();
          waiting = [];
          expect(ledger.installedCount).toBe(kernel.size);
        };
        for (const { service, plans, isWritten } of steps) {
          const before = ledger.installed(service);
          ledger.want(service, planText(plans, { family: "IPv4", before, sticky, shape: () => undefined }));
          waiting.push(service);
          if (isWritten) write();
        }
        write();
        expect([...kernel].sort()).toEqual([...wantedElements(ledger)].sort());
      }),
      { numRuns: 300 },
    );
  });

  it("names the Service that has an address now, when another one gave it back in the same write", () => {
    const ledger = new ServiceLedger();
    const textOf = (service: string): string =>
      planText([planWith({ service, clusterIP: "10.96.0.1" })], {
        family: "IPv4",
        before: "",
        sticky: new StickyNumbers(),
        shape: () => undefined,
      });
    ledger.want("ns/before", textOf("ns/before"));
    ledger.changes(["ns/before"]).commit();
    ledger.want("ns/before", "");
    ledger.want("ns/now", textOf("ns/now"));
    const { additions, deletions } = ledger.changes(["ns/before", "ns/now"]);
    const inSet = (groups: typeof additions) =>
      groups.filter(({ set }) => set === "cluster-ips").flatMap(({ elements }) => elements);
    expect(inSet(deletions)).toMatchObject([{ key: "10.96.0.1", comment: "ns/before" }]);
    expect(inSet(additions)).toMatchObject([{ key: "10.96.0.1", comment: "ns/now" }]);
  });
});
