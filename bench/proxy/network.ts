import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cidr, ip } from "#layers/core";
import { applyLinkSteps, createNamespace, inNamespace, removeNamespace, writeSysctls } from "#layers/kernel";
import type { LinkStep } from "#layers/kernel";

/** The pod that answers, on port 8080 for connections, 8081 for long streams to it and 8082 for those from it. */
export const podAddress = "10.244.1.2";

/** A client, a node and a pod: paths of their network namespaces. */
export interface BenchNetwork {
  readonly client: string;
  readonly node: string;
  readonly pod: string;
  remove(): void;
}

/** Makes the three namespaces: the client reaches pods and Service addresses through the node. */
export function createBenchNetwork(): BenchNetwork {
  const folder = mkdtempSync(join(tmpdir(), "sealane-bench-"));
  const paths = { client: join(folder, "client"), node: join(folder, "node"), pod: join(folder, "pod") };
  for (const path of Object.values(paths)) {
    createNamespace(path, () => {
      applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]);
      writeSysctls({
        "net/ipv4/ip_forward": 1,
        "net/ipv4/conf/all/rp_filter": 0,
        "net/ipv4/conf/default/rp_filter": 0,
      });
    });
  }
  const cable = (name: string, namespace: string): LinkStep => ({
    kind: "veth",
    name,
    peer: { name: "eth0", namespace },
  });
  inNamespace(paths.node, () =>
    applyLinkSteps([
      cable("client", paths.client),
      cable("pod", paths.pod),
      { kind: "address", address: ip("10.244.1.254"), prefix: 32, link: "client" },
      { kind: "route", to: cidr("10.244.1.10/32"), link: "client" },
      { kind: "address", address: ip("10.244.1.1"), prefix: 32, link: "pod" },
      { kind: "route", to: cidr(`${podAddress}/32`), link: "pod" },
    ]),
  );
  const end = (path: string, address: string, gateway: string): void =>
    inNamespace(path, () =>
      applyLinkSteps([
        { kind: "link", name: "eth0", state: "up" },
        { kind: "address", address: ip(address), prefix: 32, link: "eth0" },
        { kind: "route", to: cidr(`${gateway}/32`), link: "eth0" },
        { kind: "route", to: cidr("0.0.0.0/0"), via: ip(gateway), link: "eth0" },
      ]),
    );
  end(paths.client, "10.244.1.10", "10.244.1.254");
  end(paths.pod, podAddress, "10.244.1.1");
  return {
    ...paths,
    remove: () => {
      for (const path of Object.values(paths)) removeNamespace(path);
    },
  };
}
