import { beforeEach, describe, expect, it } from "vitest";
import { ManualClock, seededRandom } from "../../core/index.ts";
import { resources } from "../../objects/index.ts";
import type { ClusterApi, Ingress, IngressClass } from "../../objects/index.ts";
import { createApiServer } from "../api-server.ts";

let api: ClusterApi;
const clock = new ManualClock(1_000_000_000_000);
beforeEach(async () => {
  ({ api } = await createApiServer({ clock, random: seededRandom(1) }));
});

function ingress(spec: Partial<Ingress["spec"]>, annotations: Record<string, string> = {}): Ingress {
  const defaultBackend = { service: { name: "web", port: { number: 80 } } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: "front", namespace: "default", annotations },
    spec: { defaultBackend, ...spec },
  };
}

async function makeClass(name: string, isDefault: boolean): Promise<void> {
  const annotations = { "ingressclass.kubernetes.io/is-default-class": String(isDefault) };
  const object: IngressClass = {
    apiVersion: "networking.k8s.io/v1",
    kind: "IngressClass",
    metadata: { name, annotations },
    spec: { controller: "example.com/x" },
  };
  await api.create(resources.ingressClasses, object);
}

async function classGiven(object: Ingress): Promise<string | undefined> {
  return (await api.create(resources.ingresses, object)).spec.ingressClassName;
}

describe("ingressRules", () => {
  it("gives an Ingress without a class the default one", async () => {
    await makeClass("other", false);
    expect(await classGiven(ingress({}))).toBeUndefined();
    await api.delete(resources.ingresses, "default", "front");
    await makeClass("usual", true);
    expect(await classGiven(ingress({}))).toBe("usual");
  });

  it("takes the newest of several, then the first by name", async () => {
    await makeClass("old", true);
    clock.advance(2000);
    await makeClass("b", true);
    await makeClass("a", true);
    expect(await classGiven(ingress({}))).toBe("a");
  });

  it("leaves a chosen class alone, in the field or in the old annotation", async () => {
    await makeClass("usual", true);
    expect(await classGiven(ingress({ ingressClassName: "mine" }))).toBe("mine");
    await api.delete(resources.ingresses, "default", "front");
    expect(await classGiven(ingress({}, { "kubernetes.io/ingress.class": "nginx" }))).toBeUndefined();
  });
});
