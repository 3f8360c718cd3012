import { apiVersionOf } from "../../objects/index.ts";
import type { AnyObject, KubeObject } from "../../objects/index.ts";
import { asFields, fieldsOf, itemsOf, textOf, without } from "../fields.ts";
import type { Fields } from "../fields.ts";
import type { Kind } from "../kind.ts";
import { asCoreEvent, asNewEvent } from "./event-views.ts";

/** How objects of a kind are kept when another group or version serves the same ones. */
export interface StoredForm {
  /** `apiVersion` of the kind whose table holds the objects; it has the same `kind`. */
  readonly apiVersion: string;
  readonly toStored: (object: KubeObject) => KubeObject;
  readonly fromStored: (object: KubeObject) => KubeObject;
}

/** Where and how objects of this kind are stored; `undefined` where they are stored as they are served. */
export function storedForm({ resource }: Pick<Kind, "resource">): StoredForm | undefined {
  switch (`${apiVersionOf(resource)} ${resource.kind}`) {
    case "events.k8s.io/v1 Event":
      return {
        apiVersion: "v1",
        toStored: (object) => asCoreEvent(asAny(object)),
        fromStored: (object) => asNewEvent(asAny(object)),
      };
    case "autoscaling/v1 HorizontalPodAutoscaler":
      return { apiVersion: "autoscaling/v2", toStored: autoscalerToV2, fromStored: autoscalerToV1 };
    default:
      return undefined;
  }
}

/** Where v1 keeps what it has no field for, as upstream does. */
const metricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics";
const behaviorAnnotation = "autoscaling.alpha.kubernetes.io/behavior";
const currentMetricsAnnotation = "autoscaling.alpha.kubernetes.io/current-metrics";
const conditionsAnnotation = "autoscaling.alpha.kubernetes.io/conditions";

function autoscalerToV2(object: KubeObject): KubeObject {
  const { targetCPUUtilizationPercentage: percentage, ...spec } = fieldsOf(asFields(object).spec);
  const kept = { ...object.metadata.annotations };
  const cpu = percentage === undefined ? [] : [cpuMetric(percentage)];
  const metrics = [...cpu, ...listIn(kept[metricsAnnotation])];
  const behavior = objectIn(kept[behaviorAnnotation]);
  const annotations = without(
    kept,
    metricsAnnotation,
    behaviorAnnotation,
    currentMetricsAnnotation,
    conditionsAnnotation,
  );
  const { currentCPUUtilizationPercentage: current, ...status } = fieldsOf(asFields(object).status);
  const currentMetrics = [
    ...(current === undefined ? [] : [currentCpu(current)]),
    ...listIn(kept[currentMetricsAnnotation]),
  ];
  const conditions = listIn(kept[conditionsAnnotation]);
  return withContent(object, "autoscaling/v2", annotations, {
    spec: {
      ...spec,
      ...(metrics.length === 0 ? {} : { metrics }),
      ...(behavior === undefined ? {} : { behavior }),
    },
    ...(asFields(object).status === undefined
      ? {}
      : {
          status: {
            ...status,
            ...(currentMetrics.length === 0 ? {} : { currentMetrics }),
            ...(conditions.length === 0 ? {} : { conditions }),
          },
        }),
  });
}

function autoscalerToV1(object: KubeObject): KubeObject {
  const { metrics, behavior, ...spec } = fieldsOf(asFields(object).spec);
  const all = itemsOf(metrics);
  const cpu = all.find(isCpuUtilization);
  const others = all.filter((metric) => metric !== cpu);
  const percentage = fieldsOf(fieldsOf(cpu?.resource).target).averageUtilization;
  const { currentMetrics, conditions, ...status } = fieldsOf(asFields(object).status);
  const current = itemsOf(currentMetrics);
  const cpuNow = current.find(isCurrentCpu);
  const utilization = fieldsOf(fieldsOf(cpuNow?.resource).current).averageUtilization;
  const annotations = {
    ...object.metadata.annotations,
    ...listAnnotation(metricsAnnotation, others),
    ...(behavior === undefined ? {} : { [behaviorAnnotation]: JSON.stringify(behavior) }),
    ...listAnnotation(
      currentMetricsAnnotation,
      current.filter((metric) => metric !== cpuNow),
    ),
    ...listAnnotation(conditionsAnnotation, itemsOf(conditions)),
  };
  return withContent(object, "autoscaling/v1", annotations, {
    spec: { ...spec, ...(percentage === undefined ? {} : { targetCPUUtilizationPercentage: percentage }) },
    ...(asFields(object).status === undefined
      ? {}
      : {
          status: { ...status, ...(utilization === undefined ? {} : { currentCPUUtilizationPercentage: utilization }) },
        }),
  });
}

function cpuMetric(averageUtilization: unknown): object {
  return { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization } } };
}

function currentCpu(averageUtilization: unknown): object {
  return { type: "Resource", resource: { name: "cpu", current: { averageUtilization } } };
}

function isCpuUtilization({ resource }: Fields): boolean {
  const { name, target } = fieldsOf(resource);
  return textOf(name) === "cpu" && fieldsOf(target).averageUtilization !== undefined;
}

function isCurrentCpu({ resource }: Fields): boolean {
  const { name, current } = fieldsOf(resource);
  return name === "cpu" && fieldsOf(current).averageUtilization !== undefined;
}

function listAnnotation(name: string, items: readonly object[]): Readonly<Record<string, string>> {
  return items.length === 0 ? {} : { [name]: JSON.stringify(items) };
}

function withContent(
  object: KubeObject,
  apiVersion: string,
  annotations: Readonly<Record<string, string>>,
  content: object,
): KubeObject {
  const metadata = without(object.metadata, "annotations");
  const kept = Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations };
  return { apiVersion, kind: object.kind, metadata: kept, ...content };
}

function listIn(text: string | undefined): readonly object[] {
  return itemsOf(parsed(text));
}

function objectIn(text: string | undefined): object | undefined {
  const value = parsed(text);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

/** An annotation may hold anything: what is no JSON counts as absent. */
function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asAny(object: KubeObject): AnyObject {
  return { ...object };
}
