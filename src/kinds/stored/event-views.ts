import type { AnyObject } from "../../objects/index.ts";

/** `events.k8s.io/v1` name of a field -> its name in the core group. */
const coreNames: Readonly<Record<string, string>> = {
  regarding: "involvedObject",
  note: "message",
  deprecatedSource: "source",
  deprecatedFirstTimestamp: "firstTimestamp",
  deprecatedLastTimestamp: "lastTimestamp",
  deprecatedCount: "count",
  reportingController: "reportingComponent",
};
const newNames = Object.fromEntries(Object.entries(coreNames).map(([name, core]) => [core, name]));

/** An `events.k8s.io/v1` event as the core group shows it: both groups serve the same objects. */
export function asCoreEvent(event: AnyObject): AnyObject {
  return { ...renamed(event, coreNames), apiVersion: "v1" };
}

/** A core event as `events.k8s.io/v1` shows it. */
export function asNewEvent(event: AnyObject): AnyObject {
  return { ...renamed(event, newNames), apiVersion: "events.k8s.io/v1" };
}

function renamed(event: AnyObject, names: Readonly<Record<string, string>>): AnyObject {
  const { apiVersion, kind, metadata, ...rest } = event;
  const fields = Object.entries(rest).map(([name, value]) => [Object.hasOwn(names, name) ? names[name] : name, value]);
  return { apiVersion, kind, metadata, ...Object.fromEntries(fields) };
}
