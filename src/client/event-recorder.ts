import { fnv1a, messageOf, silentLogger } from "../core/index.ts";
import type { Clock, Logger } from "../core/index.ts";
import { formatTime, isNotFound, referenceTo, resources } from "../objects/index.ts";
import type { ClusterApi, Event, EventRecorder, KubeObject } from "../objects/index.ts";

/** Who reports: the component, and the node it runs on. */
export interface EventSource {
  readonly component: string;
  readonly host?: string;
}

/** Events that are remembered for counting repeats; the least recent is forgotten. */
const remembered = 1_024;
/** Requests under way at most; what comes while so many are pending is dropped. */
const pendingLimit = 256;

interface Entry {
  event: Event;
  writing: boolean;
  dirty: boolean;
  created: boolean;
}

/**
 * Writes core/v1 Events. The same text about the same object raises the count of its Event instead of making another.
 * `record` returns at once and never fails: an Event that cannot be written is only logged.
 */
export function createEventRecorder(
  api: ClusterApi,
  source: EventSource,
  clock: Clock,
  log: Logger = silentLogger,
): EventRecorder {
  // Agents of several nodes tell of the same object in the same millisecond.
  const who = fnv1a(`${source.component} ${source.host ?? ""}`)
    .toString(16)
    .padStart(8, "0");
  const entries = new Map<string, Entry>();
  let pending = 0;
  let serial = 0;

  const write = async (entry: Entry): Promise<void> => {
    entry.writing = true;
    pending++;
    try {
      do {
        entry.dirty = false;
        await store(api, entry);
      } while (entry.dirty);
    } catch (error) {
      log.debug("an event could not be written", { reason: entry.event.reason, error: messageOf(error) });
    } finally {
      entry.writing = false;
      pending--;
    }
  };

  return {
    record(object, type, reason, message) {
      const key = [object.metadata.uid ?? object.metadata.name, object.kind, type, reason, message].join("\n");
      const now = formatTime(clock.now());
      let entry = entries.get(key);
      entries.delete(key);
      if (entry === undefined) {
        const moment = `${Math.floor(clock.now()).toString(16)}${(serial++ & 0xffff).toString(16).padStart(4, "0")}`;
        const event = newEvent(object, source, `${moment}${who}`, now);
        entry = { event: { ...event, type, reason, message }, writing: false, dirty: false, created: false };
      } else {
        entry.event = { ...entry.event, count: (entry.event.count ?? 1) + 1, lastTimestamp: now };
      }
      entries.set(key, entry);
      if (entries.size > remembered) for (const oldest of entries.keys()) return void entries.delete(oldest);
      if (entry.writing) entry.dirty = true;
      else if (pending < pendingLimit) void write(entry);
    },
  };
}

async function store(api: ClusterApi, entry: Entry): Promise<void> {
  const { event } = entry;
  if (entry.created) {
    const body = { count: event.count, lastTimestamp: event.lastTimestamp };
    try {
      await api.patch(resources.events, event.metadata.namespace, event.metadata.name, { type: "merge", body });
      return;
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  await api.create(resources.events, event);
  entry.created = true;
}

function newEvent(object: KubeObject, source: EventSource, suffix: string, now: string): Event {
  const namespace = object.metadata.namespace ?? "default";
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: `${object.metadata.name}.${suffix}`, namespace },
    involvedObject: referenceTo(object),
    count: 1,
    firstTimestamp: now,
    lastTimestamp: now,
    source: { component: source.component, ...(source.host === undefined ? {} : { host: source.host }) },
    reportingComponent: source.component,
    reportingInstance: source.host ?? "",
  };
}
