import { ipFamilies } from "../../core/index.ts";
import { isHeadless, managedByLabel, objectKey, serviceNameLabel, splitKey } from "../../objects/index.ts";
import type { EndpointSlice } from "../../objects/index.ts";
import { runController } from "../context.ts";
import type { ControllerContext, RunningController } from "../context.ts";
import { planSlices, sliceLabels } from "../endpointslice/plan.ts";
import { writeSlices } from "../endpointslice/write-slices.ts";
import { createExpectations } from "../expectations.ts";
import type { ReconcileResult } from "../work-queue.ts";
import { endpointsOfSubsets, isMirrored, mirroredAnnotations, mirroredBy } from "./plan.ts";

const maxPerSlice = 1_000;

/** Copies Endpoints that people write for Services without a selector into EndpointSlices. */
export function startEndpointSliceMirroringController(context: ControllerContext): RunningController {
  const { api, caches, recorder, clock } = context;
  const { services, endpoints, endpointSlices } = caches;
  const expectations = createExpectations(clock);

  const reconcile = async (key: string): Promise<ReconcileResult> => {
    const { namespace, name } = splitKey(key);
    const behind = expectations.waitMs(key);
    if (behind > 0) return { againAfterMs: behind };
    const source = endpoints.get(namespace, name);
    const service = services.get(namespace, name);
    const existing = endpointSlices.indexed("service", key).filter(isOurs);
    if (source === undefined || service === undefined || !isMirrored(source, service)) {
      // Slices of Endpoints that are gone belong to the garbage collector; these may have other reasons.
      const plan = { create: [], update: [], remove: existing };
      return writeSlices(api, endpointSlices, expectations, key, plan);
    }
    const mirrored = endpointsOfSubsets(source);
    for (const address of mirrored.invalid) {
      const message = `Skipped ${address} for mirroring to EndpointSlice: not an IP address`;
      recorder.record(source, "Warning", "InvalidIPAddress", message);
    }
    if (mirrored.skipped > 0) {
      const message = `A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. ${mirrored.skipped} addresses were skipped`;
      recorder.record(source, "Warning", "TooManyAddressesToMirror", message);
    }
    const annotations = mirroredAnnotations(source);
    for (const family of ipFamilies) {
      const groups = mirrored.families.get(family) ?? new Map();
      const plan = planSlices({
        owner: source,
        labels: sliceLabels(source, name, mirroredBy, isHeadless(service)),
        ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
        family,
        groups,
        placeholder: family === "IPv4" && mirrored.families.size === 0,
        existing: existing.filter(({ addressType }) => addressType === family),
        maxPerSlice,
        triggerTime: undefined,
      });
      await writeSlices(api, endpointSlices, expectations, key, plan);
    }
  };

  return runController(context, {
    name: "endpointslicemirroring",
    needs: [services, endpoints, endpointSlices],
    reconcile,
    watch: (queue) => [
      endpointSlices.subscribe((now, before) => {
        const caughtUp = expectations.observe(now, before);
        if (caughtUp !== undefined) queue.add(caughtUp);
        const slice = now ?? before;
        const service = slice?.metadata.labels?.[serviceNameLabel];
        if (slice !== undefined && service !== undefined && isOurs(slice)) {
          queue.add(`${slice.metadata.namespace ?? ""}/${service}`);
        }
      }),
      endpoints.subscribe((now, before) => {
        const changed = now ?? before;
        if (changed === undefined) return;
        const { namespace, name } = changed.metadata;
        if (isMirrored(changed, services.get(namespace, name))) queue.add(objectKey(changed));
        // It was mirrored and may be no longer.
        else if (endpointSlices.indexed("service", objectKey(changed)).some(isOurs)) queue.add(objectKey(changed));
      }),
      services.subscribe((now, before) => {
        const changed = now ?? before;
        if (changed === undefined) return;
        const { namespace, name } = changed.metadata;
        if (endpoints.get(namespace, name) !== undefined) queue.add(objectKey(changed));
      }),
    ],
  });
}

function isOurs(slice: EndpointSlice): boolean {
  return slice.metadata.labels?.[managedByLabel] === mirroredBy;
}
