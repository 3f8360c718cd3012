import { describe, expect, it } from "vitest";
import type { Pod, PodSpec } from "../../objects/index.ts";
import { hostsText } from "./hosts-text.ts";
import { ip } from "../../core/index.ts";
import { resolvePlace } from "./place.ts";

const pod = (spec: Partial<PodSpec> = {}, running = true): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-0", namespace: "shop", uid: "01234567-89ab-cdef-0123-456789abcdef" },
  spec: { containers: [], nodeName: "node-2", ...spec },
  ...(running ? { status: { podIP: "10.244.2.2" } } : {}),
});
const find = (of: Pod | undefined) => (namespace: string, name: string) =>
  namespace === "shop" && name === "web-0" ? of : undefined;

const anywhere = () => true;

describe("resolvePlace()", () => {
  const table: readonly (readonly [string, string, string])[] = [
    ["client", "/run/netns/client", "client"],
    ["router", "/run/netns/router", "router"],
    ["node/2", "/run/netns/node-2", "node-2"],
    ["node/node-2", "/run/netns/node-2", "node-2"],
    ["pod/web-0", "/run/netns/pod-0123456789ab", "web-0"],
  ];
  it.each(table)("finds %s", async (text, namespace, hostname) =>
    expect(await resolvePlace(text, "shop", find(pod()), anywhere)).toMatchObject({ text, namespace, hostname }),
  );

  it("finds a pod of the host network on its node, with the pod's own names", async () =>
    expect(await resolvePlace("pod/web-0", "shop", find(pod({ hostNetwork: true })), anywhere)).toMatchObject({
      namespace: "/run/netns/node-2",
      files: "/run/sealane/places/pod-0123456789ab",
    }));

  const refused: readonly (readonly [string, string])[] = [
    ["moon", 'There is no place "moon": a place is "client", "router", "node/N" or "pod/NAME"'],
    ["node/x", 'There is no place "node/x"'],
    ["node/../x", 'There is no place "node/../x"'],
    ["pod/", 'There is no place "pod/"'],
    ["pod/none", 'There is no pod none in namespace shop: "kubectl get pods -A" shows all'],
  ];
  it.each(refused)("refuses %j", async (text, message) =>
    expect(resolvePlace(text, "shop", find(pod()), anywhere)).rejects.toThrow(message),
  );

  it("refuses a node that this lab does not have", async () =>
    expect(resolvePlace("node/9", "shop", find(pod()), (path) => !path.endsWith("node-9"))).rejects.toThrow(
      'There is no node/9 in this lab: "sealane status" shows its nodes',
    ));

  it("refuses a pod that does not run", async () =>
    expect(resolvePlace("pod/web-0", "shop", find(pod({}, false)), anywhere)).rejects.toThrow(
      "Pod web-0 does not run yet",
    ));
});

describe("hostsText()", () => {
  it("has localhost and the given names", () =>
    expect(hostsText([{ address: ip("10.244.1.2"), names: ["db-0.db.shop.svc.cluster.local", "db-0"] }])).toBe(
      "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n10.244.1.2\tdb-0.db.shop.svc.cluster.local\tdb-0\n",
    ));
});
