import { resources } from "../../objects/index.ts";
import type { AnyObject, Event, Lease } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import { asFields, fieldsOf, numberOf, textOf } from "../fields.ts";
import type { Fields } from "../fields.ts";
import type { Cell, Column, Kind } from "../kind.ts";
import { ageCell, ageColumn, column, nameColumn, sinceCell, wideColumn } from "../printing/column.ts";
import { invalid, required } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { nonEmpty, nonNegative } from "../validation/values.ts";

/** `coordination.k8s.io/v1.Lease`. */
export const leaseKind: Kind = defineKind<Lease>({
  resource: resources.leases,
  actedOn: true,
  columns: [nameColumn, column("Holder", "Who holds the lease."), ageColumn],
  row: (lease, nowMs) => [lease.metadata.name, lease.spec?.holderIdentity ?? "", ageCell(lease, nowMs)],
  validate: ({ spec }) => {
    const seconds = spec?.leaseDurationSeconds;
    const isBad = seconds !== undefined && seconds <= 0;
    return [
      ...(isBad ? [invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")] : []),
      ...nonNegative("spec.leaseTransitions", spec?.leaseTransitions),
    ];
  },
});

const eventColumns: readonly Column[] = [
  column("Last Seen", "Time since this event was last seen."),
  column("Type", "Normal or Warning."),
  column("Reason", "A short word for what happened."),
  column("Object", "The object that the event is about."),
  wideColumn("Subobject", "The part of the object that the event is about."),
  wideColumn("Source", "The component that reports the event."),
  column("Message", "What happened."),
  wideColumn("First Seen", "Time since this event was first seen."),
  wideColumn("Count", "How often this event was seen."),
  { ...nameColumn, priority: 1 },
];

interface EventView {
  readonly about: Fields;
  readonly source: Fields;
  readonly message: string;
  readonly first: string;
  readonly last: string;
  readonly count: number;
}

function eventRow(event: AnyObject, view: EventView, nowMs: number): readonly Cell[] {
  const { about, source } = view;
  const series = fieldsOf(event.series);
  const hasSeries = event.series !== undefined;
  const first = view.first || textOf(event.eventTime);
  const last = hasSeries ? textOf(series.lastObservedTime) : view.last || first;
  const count = hasSeries ? numberOf(series.count) : view.count || 1;
  const host = textOf(source.host);
  const component = textOf(source.component) || textOf(event.reportingComponent) || textOf(event.reportingController);
  return [
    sinceCell(last === "" ? undefined : last, nowMs),
    textOf(event.type),
    textOf(event.reason),
    `${textOf(about.kind).toLowerCase()}/${textOf(about.name)}`,
    textOf(about.fieldPath),
    host === "" ? component : `${component}, ${host}`,
    view.message.trim(),
    sinceCell(first === "" ? undefined : first, nowMs),
    String(count),
    event.metadata.name,
  ];
}

/** `field` is the name that the group has for the object which the event is about. */
function selectable(event: Fields, field: string, source: Fields): Readonly<Record<string, string>> {
  const about = fieldsOf(event[field]);
  const reporter = textOf(event.reportingComponent) || textOf(event.reportingController);
  return {
    [`${field}.kind`]: textOf(about.kind),
    [`${field}.namespace`]: textOf(about.namespace),
    [`${field}.name`]: textOf(about.name),
    [`${field}.uid`]: textOf(about.uid),
    [`${field}.apiVersion`]: textOf(about.apiVersion),
    [`${field}.resourceVersion`]: textOf(about.resourceVersion),
    [`${field}.fieldPath`]: textOf(about.fieldPath),
    reason: textOf(event.reason),
    [field === "regarding" ? "reportingController" : "reportingComponent"]: reporter,
    source: textOf(source.component) || reporter,
    type: textOf(event.type),
  };
}

/** `v1.Event`. */
const coreEventKind: Kind = defineKind<Event>({
  resource: resources.events,
  actedOn: true,
  shortNames: ["ev"],
  schemaType: "CoreV1Event",
  columns: eventColumns,
  row: (event, nowMs) => {
    const { message, firstTimestamp, lastTimestamp, count, source } = asFields(event);
    const view = {
      about: asFields(event.involvedObject ?? {}),
      source: fieldsOf(source),
      message: textOf(message),
      first: textOf(firstTimestamp),
      last: textOf(lastTimestamp),
      count: numberOf(count),
    };
    return eventRow({ ...event }, view, nowMs);
  },
  selectableFields: (event) => {
    const fields = asFields(event);
    return selectable(fields, "involvedObject", fieldsOf(fields.source));
  },
  validate: (event) => {
    const { involvedObject } = asFields(event);
    return namespaceErrors(event.metadata.namespace ?? "", fieldsOf(involvedObject), "involvedObject.namespace");
  },
});

/** `events.k8s.io/v1.Event`: the same objects with newer names for their fields. */
const newEventKind: Kind = defineKind<AnyObject>({
  resource: { group: "events.k8s.io", version: "v1", kind: "Event", plural: "events", namespaced: true },
  actedOn: true,
  shortNames: ["ev"],
  schemaType: "EventsV1Event",
  columns: eventColumns,
  row: (event, nowMs) => {
    const view = {
      about: fieldsOf(event.regarding),
      source: fieldsOf(event.deprecatedSource),
      message: textOf(event.note),
      first: textOf(event.deprecatedFirstTimestamp),
      last: textOf(event.deprecatedLastTimestamp),
      count: numberOf(event.deprecatedCount),
    };
    return eventRow(event, view, nowMs);
  },
  selectableFields: (event) => selectable(event, "regarding", fieldsOf(event.deprecatedSource)),
  validate: (event) => [
    ...(event.eventTime === undefined && event.deprecatedFirstTimestamp === undefined ? [required("eventTime")] : []),
    ...nonEmpty("reason", event.reason),
    ...namespaceErrors(event.metadata.namespace ?? "", fieldsOf(event.regarding), "regarding.namespace"),
  ],
});

/** Events as the core group and `events.k8s.io` serve them. */
export const eventKinds: readonly Kind[] = [coreEventKind, newEventKind];

/** An event lives in the namespace of its object, or in `default` when the object has none. */
function namespaceErrors(namespace: string, about: Fields, field: string): readonly FieldError[] {
  const expected = textOf(about.namespace);
  if (expected === namespace || (expected === "" && ["default", "kube-system"].includes(namespace))) return [];
  return [invalid(field, expected, "does not match event.namespace")];
}
