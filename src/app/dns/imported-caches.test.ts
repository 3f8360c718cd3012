import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EndpointSlice, ServiceImport } from "../../objects/index.ts";
import { slice } from "../../../test/dns/cluster.ts";
import { listedApi } from "../../../test/dns/listed-api.ts";
import type { ListedApi, ListedApiOptions } from "../../../test/dns/listed-api.ts";
import { DnsWorkplace, freePort } from "../../../test/dns/served-dns.ts";

let work: DnsWorkplace;
beforeEach(() => {
  work = new DnsWorkplace();
});
afterEach(() => work.end());

const web = "web.tour.svc.cluster.local";
const remote = "remote.tour.svc.clusterset.local";
const missing = "the API has no serviceimports of multicluster.x-k8s.io/v1alpha1; it is asked again every 30 s ";

const list: readonly ServiceImport[] = [
  {
    apiVersion: "multicluster.x-k8s.io/v1alpha1",
    kind: "ServiceImport",
    metadata: { namespace: "tour", name: "remote", resourceVersion: "1" },
    spec: { type: "Headless", ports: [{ name: "http", port: 80 }] },
  },
];
const labels = {
  "multicluster.kubernetes.io/service-name": "remote",
  "multicluster.kubernetes.io/source-cluster": "east",
};
const remoteSlice = slice("tour", "remote", "remote-east", [["10.50.0.1", "a"]]);
const slices: readonly EndpointSlice[] = [{ ...remoteSlice, metadata: { ...remoteSlice.metadata, labels } }];

async function api(options: ListedApiOptions): Promise<ListedApi> {
  const started = await listedApi(options);
  work.atEnd(started.close);
  return started;
}

const corefile = (port: number, { port: apiPort }: ListedApi, ...properties: readonly string[]) =>
  `.:${port} {\n ready 127.0.0.1:0\n kubernetes cluster.local clusterset.local {\n endpoint http://127.0.0.1:${apiPort}\n${properties.join("\n")}\n }\n}\n`;

describe("watchImports()", () => {
  it("serves what other clusters export, and tells how fresh it is", async () => {
    const started = await api({ imports: () => ({ list, slices }) });
    const { ask, metrics } = await work.serve(corefile(await freePort(), started, "multicluster clusterset.local"));
    expect(await ask(web)).toBe("10.96.1.1");
    expect(await ask(remote)).toBe("10.50.0.1");
    expect(await ask(`a.east.${remote}`)).toBe("10.50.0.1");
    expect(await ask("web.tour.svc.clusterset.local")).toBe("code 3");
    await expect.poll(started.watches).toBe(5);
    const synced = metrics.expose().split("\n");
    expect(synced).toContain('sealane_dns_watch_synced{kind="ServiceImport"} 1');
    expect(synced).toContain('sealane_dns_watch_synced{kind="EndpointSlice of a ServiceImport"} 1');
    expect(synced).toContain('sealane_dns_watch_synced{kind="EndpointSlice"} 1');
  });

  it("watches nothing more without the option", async () => {
    const started = await api({ imports: () => ({ list, slices }) });
    const { ask } = await work.serve(corefile(await freePort(), started));
    await expect.poll(started.watches).toBe(3);
    // Both zones are then the cluster's own.
    expect(await ask("web.tour.svc.clusterset.local")).toBe("10.96.1.1");
    expect(await ask(remote)).toBe("code 3");
  });

  it("stops nothing where the API does not have the kind, and finds it when it comes", async () => {
    let imports: { readonly list: typeof list; readonly slices: typeof slices } | undefined;
    const started = await api({ imports: () => imports });
    const { service, ask, clock, logged } = await work.serve(
      corefile(await freePort(), started, "multicluster clusterset.local"),
    );
    await service.whenReady();
    expect(await ask(web)).toBe("10.96.1.1");
    expect(await ask(remote)).toBe("code 3");
    expect(logged).toEqual([missing]);
    imports = { list, slices };
    clock.advance(45_000);
    await expect.poll(() => logged.at(-1)).toBe("the API has it now ");
    // The slices were listed when there were none.
    expect(await ask(remote)).toBe("code 3");
    expect(logged).toHaveLength(2);
  });

  it("refuses a reload that asks for what this server may not list", async () => {
    const started = await api({
      imports: () => ({ list, slices }),
      refuses: "/apis/multicluster.x-k8s.io/v1alpha1/serviceimports",
    });
    const port = await freePort();
    const { service, ask, clock, clusters, logged, metrics, write } = await work.serve(corefile(port, started));
    write(corefile(port, started, "multicluster clusterset.local"));
    const outcome = service.reload();
    await expect.poll(() => clusters[0]?.problem()).toContain("serviceimports is not for you");
    expect(await ask(web)).toBe("10.96.1.1");
    clock.advance(5000);
    expect(await outcome).toBe("failed");
    expect(logged.at(-1)).toMatch(
      /Corefile:3: kubernetes: .+ \(.+serviceimports is not for you\): check its API and what/,
    );
    expect(await ask(web)).toBe("10.96.1.1");
    expect(await ask("wbe.tour.svc.cluster.local")).toBe("code 3");
    // What was tried for it is watched no more, and what goes on is told of.
    await expect.poll(started.watches).toBe(3);
    const told = metrics.expose();
    expect(told).not.toContain('kind="ServiceImport"');
    expect(told).toContain('sealane_dns_watch_synced{kind="Service"} 1');
    expect(told).toContain('sealane_dns_watch_connected{kind="Service"} 1');
  });
});
