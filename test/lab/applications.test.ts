import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { connectCluster } from "../../src/client/index.ts";
import type { ClusterConnection } from "../../src/client/index.ts";
import { isPodReady, resources, serviceNameLabel } from "../../src/objects/index.ts";
import type { Service } from "../../src/objects/index.ts";
import { Sealane } from "./sealane.ts";

const probe = fileURLToPath(new URL("application-probe.mjs", import.meta.url));
const own = fileURLToPath(new URL("testdata", import.meta.url));
/** Real applications of others, unchanged; they lie beside the repository where somebody has put them there. */
const beside = fileURLToPath(new URL("../../../shared/manifests", import.meta.url));
// Theirs first: one of them takes long.
const manifests = [beside, own].flatMap((folder) =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(".yaml"))
        .map((name) => ({ name: basename(name, ".yaml"), file: join(folder, name) }))
    : [],
);
if (!existsSync(beside)) process.stdout.write(`No applications of others are tried: there is no ${beside}\n`);

const sealane = new Sealane();
afterAll(() => sealane.cleanUp());

interface Target {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
}

/** Where pods reach a Service by its name. A headless one has no ports of its own: the pods' are asked. */
function insideTargets({ metadata, spec }: Service): readonly Target[] {
  return (spec.ports ?? []).map(({ port, protocol = "TCP" }) => ({
    protocol,
    host: `${metadata.name}.${metadata.namespace}`,
    port,
  }));
}

/** Where the client outside reaches a Service: at its LoadBalancer address, and at the nodes. */
function outsideTargets({ spec, status }: Service, nodes: readonly string[]): readonly Target[] {
  return (spec.ports ?? []).flatMap(({ port, nodePort, protocol = "TCP" }) => [
    ...(status?.loadBalancer?.ingress ?? []).map(({ ip = "" }) => ({ protocol, host: ip, port })),
    ...(nodePort === undefined || spec.externalTrafficPolicy === "Local"
      ? []
      : nodes.map((host) => ({ protocol, host, port: nodePort }))),
  ]);
}

/** Asks each target from a place in the lab; gives those that nobody answered, with the reason. */
async function unanswered(
  lab: string,
  place: readonly string[],
  targets: readonly Target[],
): Promise<readonly object[]> {
  const args = ["exec", "--name", lab, ...place, "--", process.execPath, probe];
  const { code, stdout, stderr } = await sealane.runWith(JSON.stringify(targets), ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const answers = JSON.parse(stdout) as readonly { readonly pod?: string; readonly error?: string }[];
  expect(answers).toHaveLength(targets.length);
  return targets.map((target, index) => ({ ...target, ...answers[index] })).filter(({ pod }) => pod === undefined);
}

async function selectingServices(api: ClusterConnection): Promise<readonly Service[]> {
  const { items } = await api.list(resources.services);
  return items.filter(
    ({ metadata, spec }) =>
      spec.selector !== undefined && metadata.namespace?.endsWith("-system") !== true && spec.type !== "ExternalName",
  );
}

describe.concurrent("an application comes up unchanged, and each of its Services answers", () => {
  // The probes of some begin late, as their makers wished: a Cassandra of three nodes takes 45 s.
  it.each(manifests)("$name", { timeout: 120_000 }, async ({ name, file }) => {
    const up = await sealane.run("up", "-d", "--name", name, "--timeout", "100s", "-f", file);
    expect(
      up.stderr.split("\n").filter((line) => !/^(Warning: .*: stored, but nothing acts on it)?$/.test(line)),
    ).toEqual([]);
    expect(up.code).toBe(0);
    const kubeconfig = (await sealane.run("kubeconfig", "--name", name)).stdout.trim();
    const api = await connectCluster({ kubeconfig });
    try {
      const services = await selectingServices(api);
      expect(services.length).toBeGreaterThan(0);
      const slices = (await api.list(resources.endpointSlices)).items;
      const empty = services.filter(({ metadata }) =>
        slices
          .filter((slice) => slice.metadata.namespace === metadata.namespace)
          .filter((slice) => slice.metadata.labels?.[serviceNameLabel] === metadata.name)
          .every((slice) => slice.endpoints.every(({ conditions }) => conditions?.ready !== true)),
      );
      expect(empty.map(({ metadata }) => metadata.name)).toEqual([]);
      const pods = (await api.list(resources.pods)).items;
      expect(pods.filter((pod) => !isPodReady(pod)).map(({ metadata }) => metadata.name)).toEqual([]);
      const asking = pods.find(
        ({ metadata, spec }) => spec.hostNetwork !== true && metadata.namespace?.endsWith("-system") !== true,
      );
      const place = ["-n", asking?.metadata.namespace ?? "", `pod/${asking?.metadata.name}`];
      expect(await unanswered(name, place, services.flatMap(insideTargets))).toEqual([]);
      const nodes = ["192.168.100.11", "192.168.100.12", "192.168.100.13"];
      const outside = services.flatMap((service) => outsideTargets(service, nodes));
      expect(await unanswered(name, ["client"], outside)).toEqual([]);
    } finally {
      api.close();
      await sealane.run("down", "--name", name);
    }
  });
});
