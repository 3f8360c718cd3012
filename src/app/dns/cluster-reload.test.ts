import { X509Certificate } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createIdentity } from "../../apiserver/index.ts";
import { service } from "../../../test/dns/cluster.ts";
import { listedApi } from "../../../test/dns/listed-api.ts";
import type { ListedApi, ListedApiOptions } from "../../../test/dns/listed-api.ts";
import { DnsWorkplace, freePort } from "../../../test/dns/served-dns.ts";

let work: DnsWorkplace;
beforeEach(() => {
  work = new DnsWorkplace();
});
afterEach(() => work.end());

const web = "web.tour.svc.cluster.local";
const other = "other.test";

async function api(options: ListedApiOptions = {}): Promise<ListedApi> {
  const started = await listedApi(options);
  work.atEnd(started.close);
  return started;
}

/** Another cluster, whose Service has another address. */
function otherApi(): Promise<ListedApi> {
  const spec = { clusterIP: "10.97.0.9", clusterIPs: ["10.97.0.9"], ports: [{ name: "http", port: 80 }] };
  return api({ services: [service("tour", "web", spec)] });
}

const withoutCluster = (port: number) => `.:${port} {\n hosts {\n  192.0.2.7 ${other}\n  fallthrough\n }\n}\n`;
const withCluster = (port: number, ...properties: readonly string[]) =>
  `.:${port} {\n hosts {\n  192.0.2.7 ${other}\n  fallthrough\n }\n kubernetes cluster.local {\n${properties.join("\n")}\n }\n}\n`;
const endpoint = ({ port }: { readonly port: number }) => `endpoint http://127.0.0.1:${port}`;

describe("a kubernetes block that a reload brings", () => {
  it("is served by a server that started without a cluster, and its watches end when it goes", async () => {
    const [{ port: apiPort, watches }, port] = [await api(), await freePort()];
    const { service: dns, write, ask } = await work.serve(withoutCluster(port));
    expect(await ask(web)).toBe("code 5");
    write(withCluster(port, endpoint({ port: apiPort })));
    expect(await dns.reload()).toBe("reloaded");
    expect(await ask(web)).toBe("10.96.1.1");
    expect(await ask(other)).toBe("192.0.2.7");
    await expect.poll(watches).toBe(3);
    expect(await dns.reload()).toBe("unchanged");
    write(withoutCluster(port));
    expect(await dns.reload()).toBe("reloaded");
    expect(await ask(web)).toBe("code 5");
    await expect.poll(watches).toBe(0);
  });

  it("waits for the names, and leaves the former configuration when they do not come", async () => {
    const refusing = await api({ refuses: true });
    const port = await freePort();
    const { service: dns, write, ask, clock, logged, clusters, metrics } = await work.serve(withoutCluster(port));
    write(withCluster(port, endpoint(refusing)));
    const outcome = dns.reload();
    await expect.poll(() => clusters[0]?.problem()).toContain("is not for you");
    expect(await ask(other)).toBe("192.0.2.7");
    clock.advance(5000);
    expect(await outcome).toBe("failed");
    expect(logged.at(-1)).toMatch(
      /Corefile:6: kubernetes: the cluster's names did not arrive in 5 s \(.+ is not for you\): check its API and what this server may list there, then send SIGHUP or wait for reload$/,
    );
    expect(metrics.expose()).toContain("coredns_reload_failed_total 1\n");
    expect(await ask(web)).toBe("code 5");
    refusing.close();
    await api({ port: refusing.port });
    expect(await dns.reload()).toBe("reloaded");
    expect(await ask(web)).toBe("10.96.1.1");
  });

  it.each([
    [
      "no cluster is known",
      [],
      /Corefile:6: kubernetes: there is no cluster to take names from: give --kubeconfig FILE/,
    ],
    [
      "its kubeconfig is missing",
      ["kubeconfig /none/config"],
      /Corefile:6: kubernetes: \/none\/config cannot be read \(/,
    ],
    [
      "its certificate is missing",
      ["endpoint https://127.0.0.1:1", "tls /none/crt /none/key /none/ca"],
      /Corefile:6: kubernetes: .* cannot be read \(.*\/none\/c/,
    ],
  ])("is refused with file and line where %s", async (_, properties, message) => {
    const port = await freePort();
    const { service: dns, write, ask, logged } = await work.serve(withoutCluster(port));
    write(withCluster(port, ...properties));
    expect(await dns.reload()).toBe("failed");
    expect(logged.at(-1)).toMatch(message);
    expect(await ask(other)).toBe("192.0.2.7");
  });

  it("does not keep a server from ending", async () => {
    const port = await freePort();
    const refusing = await api({ refuses: true });
    const { service: dns, write, clusters } = await work.serve(withoutCluster(port));
    write(withCluster(port, endpoint(refusing)));
    const outcome = dns.reload();
    await expect.poll(() => clusters[0]?.problem()).toContain("is not for you");
    await dns.close(true);
    expect(await outcome).toBe("unchanged");
  });
});

describe("another cluster that a reload names", () => {
  it("takes the place of the former one when its names are there", async () => {
    const [one, two, port] = [await api(), await otherApi(), await freePort()];
    const { service: dns, write, ask, clock, clusters } = await work.serve(withCluster(port, endpoint(one)));
    expect(await ask(web)).toBe("10.96.1.1");
    write(withCluster(port, endpoint(await api({ refuses: true }))));
    const failing = dns.reload();
    await expect.poll(() => clusters[1]?.problem()).toContain("is not for you");
    clock.advance(5000);
    expect(await failing).toBe("failed");
    expect(await ask(web)).toBe("10.96.1.1");
    await expect.poll(one.watches).toBe(3);
    write(withCluster(port, endpoint(two)));
    expect(await dns.reload()).toBe("reloaded");
    expect(await ask(web)).toBe("10.97.0.9");
    await expect.poll(one.watches).toBe(0);
    await expect.poll(two.watches).toBe(3);
  });

  it("is noticed in a kubeconfig that is replaced", async () => {
    const [one, two, port] = [await api(), await otherApi(), await freePort()];
    const kubeconfig = (at: ListedApi) =>
      work.file(
        "kubeconfig",
        JSON.stringify({
          "current-context": "a",
          contexts: [{ name: "a", context: { cluster: "a", user: "a" } }],
          clusters: [{ name: "a", cluster: { server: `http://127.0.0.1:${at.port}` } }],
          users: [{ name: "a", user: {} }],
        }),
      );
    const { service: dns, ask, logged } = await work.serve(withCluster(port, `kubeconfig ${kubeconfig(one)}`));
    expect(await dns.reload()).toBe("unchanged");
    work.file("kubeconfig", "{");
    expect(await dns.reload()).toBe("failed");
    expect(logged.at(-1)).toContain("Corefile:6: kubernetes: ");
    expect(await ask(web)).toBe("10.96.1.1");
    kubeconfig(two);
    expect(await dns.reload()).toBe("reloaded");
    expect(await ask(web)).toBe("10.97.0.9");
  });

  it("is asked with the client's new certificate when that is replaced, and not with half of it", async () => {
    const identities = [1, 2, 3].map(() => createIdentity(1_790_000_000_000));
    const [server, first, second] = identities as [
      (typeof identities)[0],
      (typeof identities)[0],
      (typeof identities)[0],
    ];
    const shown = ({ certificatePem }: { readonly certificatePem: string }) =>
      new X509Certificate(certificatePem).fingerprint256;
    const { port: apiPort, clients, watches } = await api({ tls: server });
    const certificate = work.file("client.crt", first.certificatePem);
    const key = work.file("client.key", first.keyPem);
    const ca = work.file("ca.crt", server.caPem);
    const properties = [`endpoint https://127.0.0.1:${apiPort}`, `tls ${certificate} ${key} ${ca}`];
    const { service: dns, ask, logged } = await work.serve(withCluster(await freePort(), ...properties));
    expect(await ask(web)).toBe("10.96.1.1");
    expect(new Set(clients)).toEqual(new Set([shown(first)]));
    work.file("client.crt", second.certificatePem);
    expect(await dns.reload()).toBe("failed");
    expect(logged.at(-1)).toContain(`Corefile:6: kubernetes: ${certificate} and ${key} cannot be used together`);
    work.file("client.key", second.keyPem);
    expect(await dns.reload()).toBe("reloaded");
    expect(clients.at(-1)).toBe(shown(second));
    await expect.poll(watches).toBe(3);
    work.file("ca.crt", server.caPem.slice(0, 50));
    expect(await dns.reload()).toBe("failed");
    expect(logged.at(-1)).toContain(`Corefile:6: kubernetes: ${ca} holds no usable certificate of an authority`);
    expect(await ask(web)).toBe("10.96.1.1");
  });
});
