import { describe, expect, it } from "vitest";
import type { AnyObject, KubeObject } from "../../objects/index.ts";
import { decodeObject } from "../decode/decode-object.ts";
import { findKindByName, kinds } from "../registry.ts";
import { storedForm } from "./stored-form.ts";

const autoscaler: AnyObject = {
  apiVersion: "autoscaling/v1",
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "a", namespace: "n" },
  spec: { scaleTargetRef: { kind: "Deployment", name: "d" }, maxReplicas: 3, targetCPUUtilizationPercentage: 80 },
  status: { currentReplicas: 1, desiredReplicas: 1, currentCPUUtilizationPercentage: 5 },
};

function formOf(apiVersion: string, name: string) {
  const kind = findKindByName(apiVersion, name);
  return kind === undefined ? undefined : storedForm(kind);
}

describe("storedForm()", () => {
  it("refers to kinds that there are, and only where two serve the same objects", () => {
    const forms = kinds.flatMap((kind) => {
      const form = storedForm(kind);
      return form === undefined ? [] : [{ kind, form }];
    });
    expect(forms.map(({ kind }) => `${kind.resource.group}/${kind.resource.version}`)).toEqual([
      "events.k8s.io/v1",
      "autoscaling/v1",
    ]);
    for (const { kind, form } of forms) {
      const stored = findKindByName(form.apiVersion, kind.resource.kind);
      expect(stored).toBeDefined();
      if (stored !== undefined) expect(storedForm(stored)).toBeUndefined();
    }
  });

  it("keeps autoscalers of v1 as v2, with nothing lost on the way back", () => {
    const form = formOf("autoscaling/v1", "HorizontalPodAutoscaler");
    const stored = form?.toStored(autoscaler) ?? autoscaler;
    expect(stored).toMatchObject({
      apiVersion: "autoscaling/v2",
      spec: {
        maxReplicas: 3,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
        ],
      },
      status: { currentMetrics: [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: 5 } } }] },
    });
    const v2 = findKindByName("autoscaling/v2", "HorizontalPodAutoscaler");
    expect(v2 === undefined ? undefined : decodeObject(v2, stored)).toMatchObject({
      kind: "decoded",
      unknownFields: [],
    });
    expect(form?.fromStored(stored)).toEqual(autoscaler);
  });

  it("shows what v1 has no field for in annotations", () => {
    const form = formOf("autoscaling/v1", "HorizontalPodAutoscaler");
    const v2: KubeObject & { readonly spec: object } = {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "a", annotations: { x: "y" } },
      spec: { maxReplicas: 3, metrics: [{ type: "Pods", pods: { metric: { name: "m" } } }], behavior: { scaleUp: {} } },
    };
    const shown = form?.fromStored(v2) ?? v2;
    expect(shown.metadata.annotations).toEqual({
      x: "y",
      "autoscaling.alpha.kubernetes.io/metrics": '[{"type":"Pods","pods":{"metric":{"name":"m"}}}]',
      "autoscaling.alpha.kubernetes.io/behavior": '{"scaleUp":{}}',
    });
    expect(form?.toStored(shown)).toEqual(v2);
    const broken = {
      ...shown,
      metadata: { name: "a", annotations: { "autoscaling.alpha.kubernetes.io/metrics": "{" } },
    };
    expect(form?.toStored(broken).metadata).toEqual({ name: "a" });
  });

  it("keeps events of events.k8s.io as core ones", () => {
    const form = formOf("events.k8s.io/v1", "Event");
    const event: AnyObject = {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: "e", namespace: "n" },
      regarding: { kind: "Pod", name: "p" },
      note: "hello",
      reportingController: "c",
      eventTime: "2026-01-01T00:00:00.000000Z",
    };
    const stored = form?.toStored(event) ?? event;
    expect(stored).toMatchObject({
      apiVersion: "v1",
      involvedObject: { name: "p" },
      message: "hello",
      reportingComponent: "c",
    });
    expect(form?.fromStored(stored)).toEqual(event);
  });
});
