import { describe, expect, it } from "vitest";
import type { Container, Pod, PodSpec, Service } from "../../objects/index.ts";
import { runningContainers, standInPorts } from "./ports.ts";

const pod = (containers: readonly Container[], spec: Partial<PodSpec> = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "n", labels: { app: "p" } },
  spec: { containers, ...spec },
});

const service = (targetPort: number | string | undefined, selector = { app: "p" }, namespace = "n"): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "s", namespace },
  spec: { selector, ports: [{ port: 80, ...(targetPort === undefined ? {} : { targetPort }) }] },
});

const ports = (of: Pod, services: readonly Service[] = []) =>
  standInPorts(of, runningContainers(of), services).map(({ port, protocol, place }) => `${place} ${port}/${protocol}`);

describe("standInPorts()", () => {
  const declared = pod([{ name: "a", ports: [{ containerPort: 80 }, { containerPort: 53, protocol: "UDP" }] }]);
  const bare = pod([{ name: "a" }, { name: "b" }]);
  const table: readonly (readonly [string, Pod, readonly Service[], readonly string[]])[] = [
    ["takes declared ports", declared, [], ["pod 80/TCP", "pod 53/UDP"]],
    ["takes no target port beside declared ones", declared, [service(8080)], ["pod 80/TCP", "pod 53/UDP"]],
    [
      "takes target ports where none is declared",
      bare,
      [service(8080), service(undefined)],
      ["pod 8080/TCP", "pod 80/TCP"],
    ],
    ["passes over named target ports", bare, [service("http")], []],
    ["passes over other Services", bare, [service(1, { app: "q" }), service(2, { app: "p" }, "other")], []],
    [
      "takes each port once",
      pod([{ name: "a", ports: [{ containerPort: 80 }, { containerPort: 80 }] }]),
      [],
      ["pod 80/TCP"],
    ],
    ["leaves out SCTP", pod([{ name: "a", ports: [{ containerPort: 9, protocol: "SCTP" }] }]), [], []],
    [
      "opens host ports on the node",
      pod([{ name: "a", ports: [{ containerPort: 80, hostPort: 8080 }] }]),
      [],
      ["pod 80/TCP", "node 8080/TCP"],
    ],
    [
      "opens no host port twice in the host's network",
      pod([{ name: "a", ports: [{ containerPort: 80, hostPort: 80 }] }], { hostNetwork: true }),
      [],
      ["pod 80/TCP"],
    ],
    [
      "answers the pod's own probes",
      pod([
        {
          name: "a",
          ports: [{ containerPort: 80 }],
          readinessProbe: { httpGet: { port: 8081 } },
          livenessProbe: { tcpSocket: { port: "9" } },
        },
      ]),
      [],
      ["pod 80/TCP", "pod 8081/TCP", "pod 9/TCP"],
    ],
    [
      "runs sidecars, but no ordinary init containers",
      pod([{ name: "a", ports: [{ containerPort: 1 }] }], {
        initContainers: [
          { name: "i", ports: [{ containerPort: 2 }] },
          { name: "s", restartPolicy: "Always", ports: [{ containerPort: 3 }] },
        ],
      }),
      [],
      ["pod 3/TCP", "pod 1/TCP"],
    ],
  ];
  it.each(table)("%s", (_name, of, services, expected) => expect(ports(of, services)).toEqual(expected));
});
