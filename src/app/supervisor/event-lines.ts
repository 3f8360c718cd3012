import type { Cache, EndpointSlice, Event } from "../../objects/index.ts";
import { serviceNameLabel } from "../../objects/index.ts";

/** Calls `print` with a line for each event and each change of a Service's ready endpoints, from now on. */
export function followEvents(
  events: Cache<Event>,
  endpointSlices: Cache<EndpointSlice>,
  now: () => Date,
  print: (line: string) => void,
): () => void {
  let begun = false;
  const stamp = () => now().toISOString().slice(11, 19);
  const ends = [
    events.subscribe((event, before) => {
      if (!begun || event === undefined || event.count === before?.count) return;
      const { kind = "", namespace, name = "" } = event.involvedObject;
      const mark = event.type === "Warning" ? "!" : " ";
      print(
        `${stamp()} ${mark} ${kind.toLowerCase()}/${name}${inNamespace(namespace)}: ${event.reason}: ${event.message}`,
      );
    }),
    endpointSlices.subscribe((slice, before) => {
      if (!begun) return;
      const line = endpointsLine(slice, before);
      if (line !== undefined) print(`${stamp()}   ${line}`);
    }),
  ];
  begun = true;
  return () => {
    for (const end of ends) end();
  };
}

/** `service/web in tour: 3 ready endpoints (+10.244.1.4, -10.244.2.3)`; undefined when the ready ones stayed. */
export function endpointsLine(now: EndpointSlice | undefined, before: EndpointSlice | undefined): string | undefined {
  const slice = now ?? before;
  const service = slice?.metadata.labels?.[serviceNameLabel];
  if (slice === undefined || service === undefined) return undefined;
  const ready = readyAddresses(now);
  const was = readyAddresses(before);
  const gained = [...ready].filter((address) => !was.has(address)).map((address) => `+${address}`);
  const lost = [...was].filter((address) => !ready.has(address)).map((address) => `-${address}`);
  if (gained.length + lost.length === 0) return undefined;
  const count = `${ready.size} ready endpoint${ready.size === 1 ? "" : "s"}`;
  return `service/${service}${inNamespace(slice.metadata.namespace)}: ${count} (${[...gained, ...lost].join(", ")})`;
}

function inNamespace(namespace: string | undefined): string {
  return namespace === undefined || namespace === "" ? "" : ` in ${namespace}`;
}

function readyAddresses(slice: EndpointSlice | undefined): ReadonlySet<string> {
  const ready = (slice?.endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
  return new Set(ready.flatMap(({ addresses }) => addresses.slice(0, 1)));
}
