import { describe, expect, it } from "vitest";
import type { Service, ServiceSpec } from "../../objects/index.ts";
import { validateLoadBalancerIngress } from "./load-balancer-status.ts";
import { defaultService } from "./service-defaults.ts";
import { serviceRow } from "./service-row.ts";
import { prepareChangedService } from "./service-update.ts";
import { serviceKind } from "./service.ts";

function service(spec: object, metadata: object = {}): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "a", namespace: "n", ...metadata }, spec };
}

const addressed = {
  clusterIP: "10.96.0.7",
  clusterIPs: ["10.96.0.7"],
  ipFamilies: ["IPv4"],
  ipFamilyPolicy: "SingleStack",
};
const port = { port: 80 };

/** A Service as it is after defaulting and allocation. */
function ready(spec: object, metadata: object = {}): Service {
  return defaultService(service({ ...addressed, ports: [port], ...spec }, metadata));
}

describe("defaultService()", () => {
  const cases: readonly (readonly [string, object, object])[] = [
    [
      "a plain one",
      { ports: [{ port: 80 }] },
      {
        type: "ClusterIP",
        sessionAffinity: "None",
        internalTrafficPolicy: "Cluster",
        ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
      },
    ],
    [
      "a NodePort one",
      { type: "NodePort", ports: [{ port: 53, protocol: "UDP", targetPort: "dns" }] },
      {
        type: "NodePort",
        sessionAffinity: "None",
        internalTrafficPolicy: "Cluster",
        externalTrafficPolicy: "Cluster",
        ports: [{ port: 53, protocol: "UDP", targetPort: "dns" }],
      },
    ],
    [
      "a LoadBalancer one",
      { type: "LoadBalancer", externalTrafficPolicy: "Local" },
      {
        type: "LoadBalancer",
        sessionAffinity: "None",
        internalTrafficPolicy: "Cluster",
        externalTrafficPolicy: "Local",
        allocateLoadBalancerNodePorts: true,
      },
    ],
    [
      "an ExternalName one",
      { type: "ExternalName", externalName: "x.example.com" },
      { type: "ExternalName", externalName: "x.example.com", sessionAffinity: "None" },
    ],
    [
      "one with external addresses",
      { externalIPs: ["192.0.2.1"] },
      {
        type: "ClusterIP",
        externalIPs: ["192.0.2.1"],
        externalTrafficPolicy: "Cluster",
        internalTrafficPolicy: "Cluster",
        sessionAffinity: "None",
      },
    ],
    [
      "affinity",
      { sessionAffinity: "ClientIP" },
      {
        type: "ClusterIP",
        internalTrafficPolicy: "Cluster",
        sessionAffinity: "ClientIP",
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
      },
    ],
    [
      "affinity None, which has no configuration",
      { sessionAffinity: "None", sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } },
      { type: "ClusterIP", internalTrafficPolicy: "Cluster", sessionAffinity: "None" },
    ],
    [
      "empty and zero values",
      {
        clusterIP: "",
        clusterIPs: [],
        selector: {},
        loadBalancerIP: "",
        healthCheckNodePort: 0,
        type: "",
        ports: [{ name: "", port: 80, nodePort: 0, targetPort: 0 }],
      },
      {
        type: "ClusterIP",
        internalTrafficPolicy: "Cluster",
        sessionAffinity: "None",
        ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
      },
    ],
  ];
  it.each(cases)("fills in %s", (_name, spec, expected) => {
    const once = defaultService(service(spec));
    expect(once.spec).toEqual(expected);
    expect(defaultService(once)).toEqual(once);
  });

  it("says how an address in the status is reached", () => {
    const given = { ...service({}), status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }, { hostname: "h" }] } } };
    expect(defaultService(given).status?.loadBalancer?.ingress).toEqual([
      { ip: "192.0.2.1", ipMode: "VIP" },
      { hostname: "h" },
    ]);
  });
});

describe("serviceKind.validate()", () => {
  const bad: readonly (readonly [string, object, string, string])[] = [
    ["no ports", { ports: [] }, "spec.ports", "Required value"],
    [
      "port 0",
      { ports: [{ port: 0, targetPort: 1 }] },
      "spec.ports[0].port",
      "Invalid value: 0: must be between 1 and 65535, inclusive",
    ],
    [
      "port 70000",
      { ports: [{ port: 70000, targetPort: 1 }] },
      "spec.ports[0].port",
      "Invalid value: 70000: must be between 1 and 65535, inclusive",
    ],
    [
      "targetPort 70000",
      { ports: [{ port: 1, targetPort: 70000 }] },
      "spec.ports[0].targetPort",
      "Invalid value: 70000: must be between 1 and 65535, inclusive",
    ],
    [
      "targetPort name",
      { ports: [{ port: 1, targetPort: "a--b" }] },
      "spec.ports[0].targetPort",
      'Invalid value: "a--b": must not contain consecutive hyphens',
    ],
    [
      "type",
      { type: "Foo" },
      "spec.type",
      'Unsupported value: "Foo": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
    [
      "protocol",
      { ports: [{ port: 1, protocol: "tcp" }] },
      "spec.ports[0].protocol",
      'Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"',
    ],
    ["unnamed ports", { ports: [{ port: 1 }, { name: "b", port: 2 }] }, "spec.ports[0].name", "Required value"],
    [
      "same names",
      {
        ports: [
          { name: "a", port: 1 },
          { name: "a", port: 2 },
        ],
      },
      "spec.ports[1].name",
      'Duplicate value: "a"',
    ],
    [
      "same ports",
      {
        ports: [
          { name: "a", port: 1 },
          { name: "b", port: 1 },
        ],
      },
      "spec.ports[1]",
      'Duplicate value: {"port":1,"protocol":"TCP"}',
    ],
    [
      "nodePort of a ClusterIP one",
      { ports: [{ port: 1, nodePort: 30000 }] },
      "spec.ports[0].nodePort",
      "Forbidden: may not be used when `type` is 'ClusterIP'",
    ],
    [
      "same node ports",
      {
        type: "NodePort",
        ports: [
          { name: "a", port: 1, nodePort: 30000 },
          { name: "b", port: 2, nodePort: 30000 },
        ],
      },
      "spec.ports[1].nodePort",
      "Duplicate value: 30000",
    ],
    [
      "headless NodePort",
      { type: "NodePort", clusterIP: "None", clusterIPs: ["None"] },
      "spec.clusterIPs[0]",
      `Invalid value: "None": may not be set to 'None' for NodePort services`,
    ],
    [
      "affinity",
      { sessionAffinity: "Cookie" },
      "spec.sessionAffinity",
      'Unsupported value: "Cookie": supported values: "ClientIP", "None"',
    ],
    [
      "affinity timeout",
      { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 86401 } } },
      "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
      "Invalid value: 86401: must be greater than 0 and less than 86400",
    ],
    [
      "external address",
      { externalIPs: ["127.0.0.1"] },
      "spec.externalIPs[0]",
      'Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
    [
      "external address that is none",
      { externalIPs: ["10.0.0.01"] },
      "spec.externalIPs[0]",
      'Invalid value: "10.0.0.01": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      "source ranges of a ClusterIP one",
      { loadBalancerSourceRanges: ["10.0.0.0/8"] },
      "spec.LoadBalancerSourceRanges",
      "Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      "source range",
      { type: "LoadBalancer", loadBalancerSourceRanges: ["10.0.0.0"] },
      "spec.LoadBalancerSourceRanges[0]",
      'Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
    [
      "node ports of load balancers",
      { allocateLoadBalancerNodePorts: false },
      "spec.allocateLoadBalancerNodePorts",
      "Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      "load balancer class",
      { loadBalancerClass: "a/b" },
      "spec.loadBalancerClass",
      "Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      "external policy of a ClusterIP one",
      { externalTrafficPolicy: "Local" },
      "spec.externalTrafficPolicy",
      'Invalid value: "Local": may only be set for externally-accessible services',
    ],
    [
      "external policy",
      { type: "NodePort", externalTrafficPolicy: "Here" },
      "spec.externalTrafficPolicy",
      'Unsupported value: "Here": supported values: "Cluster", "Local"',
    ],
    [
      "internal policy",
      { internalTrafficPolicy: "Here" },
      "spec.internalTrafficPolicy",
      'Unsupported value: "Here": supported values: "Cluster", "Local"',
    ],
    [
      "health check port",
      { healthCheckNodePort: 30000 },
      "spec.healthCheckNodePort",
      "Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ],
    [
      "traffic distribution",
      { trafficDistribution: "Near" },
      "spec.trafficDistribution",
      'Unsupported value: "Near": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"',
    ],
    [
      "selector",
      { selector: { "a b": "c" } },
      "spec.selector",
      "Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
    [
      "clusterIPs",
      { clusterIPs: ["10.96.0.8"] },
      "spec.clusterIPs",
      'Invalid value: ["10.96.0.8"]: first value must match `clusterIP`',
    ],
    [
      "family of an address",
      { ipFamilies: ["IPv6"] },
      "spec.clusterIPs[0]",
      'Invalid value: "10.96.0.7": expected an IPv6 value as indicated by `ipFamilies[0]`',
    ],
    [
      "None among others",
      { clusterIP: "None", clusterIPs: ["None", "10.96.0.8"] },
      "spec.clusterIPs",
      `Invalid value: ["None","10.96.0.8"]: 'None' must be the first and only value`,
    ],
    [
      "two of one family",
      { clusterIPs: ["10.96.0.7", "10.96.0.8"], ipFamilyPolicy: "PreferDualStack" },
      "spec.clusterIPs",
      'Invalid value: ["10.96.0.7","10.96.0.8"]: may specify no more than one IP for each IP family',
    ],
    [
      "two with SingleStack",
      { clusterIPs: ["10.96.0.7", "fd00::1"] },
      "spec.ipFamilyPolicy",
      `Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified`,
    ],
    [
      "family",
      { ipFamilies: ["IPv5"] },
      "spec.ipFamilies[0]",
      'Unsupported value: "IPv5": supported values: "IPv4", "IPv6"',
    ],
  ];
  it.each(bad)("refuses: %s", (_name, spec, field, message) => {
    expect(serviceKind.validate(ready(spec))).toContainEqual(expect.objectContaining({ field, message }));
  });

  const externalNames: readonly (readonly [object, string, string])[] = [
    [{}, "spec.externalName", "Required value"],
    [
      { externalName: "x", clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7"] },
      "spec.clusterIPs",
      "Forbidden: may not be set for ExternalName services",
    ],
    [
      { externalName: "x", ipFamilies: ["IPv4"] },
      "spec.ipFamilies",
      "Forbidden: may not be set for ExternalName services",
    ],
  ];
  it.each(externalNames)("refuses ExternalName with %j", (spec, field, message) => {
    const wrong = defaultService(service({ type: "ExternalName", ...spec }));
    expect(serviceKind.validate(wrong)).toEqual([expect.objectContaining({ field, message })]);
  });

  const good: readonly (readonly [string, object])[] = [
    [
      "TCP and UDP on one number and one node port",
      {
        type: "NodePort",
        ports: [
          { name: "a", port: 53, nodePort: 30053 },
          { name: "b", port: 53, protocol: "UDP", nodePort: 30053 },
        ],
      },
    ],
    ["headless without ports", { clusterIP: "None", clusterIPs: ["None"], ports: [] }],
    [
      "two stacks",
      { clusterIPs: ["10.96.0.7", "fd00::7"], ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "RequireDualStack" },
    ],
    ["health check port", { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 30000 }],
    ["padded source ranges", { type: "LoadBalancer", loadBalancerSourceRanges: [" 10.0.0.0/8 "] }],
    ["application protocol", { ports: [{ port: 80, appProtocol: "kubernetes.io/h2c" }] }],
  ];
  it.each(good)("accepts %s", (_name, spec) => expect(serviceKind.validate(ready(spec))).toEqual([]));

  it("accepts ExternalName with a trailing dot", () =>
    expect(
      serviceKind.validate(defaultService(service({ type: "ExternalName", externalName: "x.example.com." }))),
    ).toEqual([]));

  it("checks the name", () => {
    expect(serviceKind.validate(ready({}, { name: "1st" }))).toEqual([]);
    expect(serviceKind.validate(ready({}, { name: "a.b" }))[0]?.message).toMatch(
      /^Invalid value: "a.b": a lowercase RFC 1123 label/,
    );
    expect(serviceKind.validate(ready({}, { name: "" }))[0]).toEqual({
      type: "FieldValueRequired",
      field: "metadata.name",
      message: "Required value: name or generateName is required",
    });
  });
});

describe("serviceKind.validateUpdate()", () => {
  const changes: readonly (readonly [string, object, object, string, string])[] = [
    [
      "address",
      {},
      { clusterIP: "10.96.0.8", clusterIPs: ["10.96.0.8"] },
      "spec.clusterIPs[0]",
      'Invalid value: ["10.96.0.8"]: may not change once set',
    ],
    [
      "address to None",
      {},
      { clusterIP: "None", clusterIPs: ["None"] },
      "spec.clusterIPs[0]",
      'Invalid value: ["None"]: may not change once set',
    ],
    ["family", {}, { ipFamilies: ["IPv6"] }, "spec.ipFamilies[0]", 'Invalid value: ["IPv6"]: may not change once set'],
    [
      "class",
      { type: "LoadBalancer" },
      { type: "LoadBalancer", loadBalancerClass: "a/b" },
      "spec.loadBalancerClass",
      'Invalid value: "a/b": may not change once set',
    ],
    [
      "health check port",
      { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 30000 },
      { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 30001 },
      "spec.healthCheckNodePort",
      "Invalid value: 30001: field is immutable",
    ],
    [
      "second address without SingleStack",
      { clusterIPs: ["10.96.0.7", "fd00::7"], ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "PreferDualStack" },
      { ipFamilyPolicy: "PreferDualStack", ipFamilies: ["IPv4", "IPv6"] },
      "spec.ipFamilyPolicy",
      "Invalid value: \"PreferDualStack\": must be set to 'SingleStack' when releasing the secondary clusterIP",
    ],
  ];
  it.each(changes)("refuses another %s", (_name, before, after, field, message) => {
    expect(serviceKind.validateUpdate(ready(after), ready(before), undefined)).toContainEqual(
      expect.objectContaining({ field, message }),
    );
  });

  it("accepts any address after ExternalName", () => {
    const old = defaultService(service({ type: "ExternalName", externalName: "x" }));
    expect(serviceKind.validateUpdate(ready({}), old, undefined)).toEqual([]);
  });

  it("refuses addresses of a load balancer that is none", () => {
    const status = { loadBalancer: { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" as const }] } };
    const loaded: Service = { ...ready({}), status };
    const balanced: Service = { ...ready({ type: "LoadBalancer" }), status };
    const messages = serviceKind.validateUpdate(loaded, ready({}), "status").map(({ message }) => message);
    expect(messages).toEqual(["Forbidden: may only be used when `spec.type` is 'LoadBalancer'"]);
    expect(serviceKind.validateUpdate(balanced, ready({}), "status")).toEqual([]);
  });
});

describe("validateLoadBalancerIngress()", () => {
  it.each([
    [
      { ip: "192.0.2.1" },
      "status.loadBalancer.ingress[0].ipMode",
      "Required value: must be specified when `ip` is set",
    ],
    [
      { hostname: "h", ipMode: "VIP" as const },
      "status.loadBalancer.ingress[0].ipMode",
      "Forbidden: may not be specified when `ip` is not set",
    ],
    [
      { hostname: "192.0.2.1" },
      "status.loadBalancer.ingress[0].hostname",
      'Invalid value: "192.0.2.1": must be a DNS name, not an IP address',
    ],
    [
      { ip: "x", ipMode: "VIP" as const },
      "status.loadBalancer.ingress[0].ip",
      'Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  ])("refuses %j", (ingress, field, message) =>
    expect(validateLoadBalancerIngress([ingress], true)).toEqual([expect.objectContaining({ field, message })]),
  );
});

describe("prepareChangedService()", () => {
  const nodePort = { type: "NodePort", ports: [{ name: "http", port: 80, nodePort: 30080 }] };
  const local = {
    type: "LoadBalancer",
    externalTrafficPolicy: "Local",
    healthCheckNodePort: 30090,
    ports: nodePort.ports,
  };
  const cases: readonly (readonly [string, object, object, Partial<ServiceSpec>])[] = [
    [
      "keeps address and node port when the first manifest comes again",
      nodePort,
      {
        type: "NodePort",
        ports: [{ name: "http", port: 80 }],
        clusterIP: "",
        clusterIPs: [],
        ipFamilies: [],
        ipFamilyPolicy: undefined,
      },
      {
        clusterIP: "10.96.0.7",
        clusterIPs: ["10.96.0.7"],
        ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: 80, nodePort: 30080 }],
      },
    ],
    [
      "does not keep a node port that another port took",
      nodePort,
      {
        type: "NodePort",
        ports: [
          { name: "http", port: 80 },
          { name: "b", port: 81, nodePort: 30080 },
        ],
      },
      {
        ports: [
          { name: "http", port: 80, protocol: "TCP", targetPort: 80 },
          { name: "b", port: 81, protocol: "TCP", targetPort: 81, nodePort: 30080 },
        ],
      },
    ],
    [
      "drops node ports for ClusterIP",
      nodePort,
      { ...nodePort, type: "ClusterIP" },
      {
        ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: 80 }],
        externalTrafficPolicy: undefined as never,
      },
    ],
    [
      "keeps new node ports, for validation to refuse",
      nodePort,
      { type: "ClusterIP", ports: [{ name: "http", port: 80, nodePort: 30081 }] },
      { ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: 80, nodePort: 30081 }] },
    ],
    [
      "keeps node ports from LoadBalancer to NodePort",
      { type: "LoadBalancer", ports: nodePort.ports },
      { ...nodePort, allocateLoadBalancerNodePorts: true },
      {
        ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: 80, nodePort: 30080 }],
        allocateLoadBalancerNodePorts: undefined as never,
      },
    ],
    [
      "drops the health check port for policy Cluster",
      local,
      { ...local, externalTrafficPolicy: "Cluster" },
      { healthCheckNodePort: undefined as never, externalTrafficPolicy: "Cluster" },
    ],
    [
      "keeps the health check port that was left out",
      local,
      { ...local, healthCheckNodePort: 0 },
      { healthCheckNodePort: 30090 },
    ],
    [
      "lets clusterIPs follow clusterIP",
      {},
      { clusterIP: "10.96.0.9" },
      { clusterIP: "10.96.0.9", clusterIPs: ["10.96.0.9"] },
    ],
  ];
  it.each(cases)("%s", (_name, before, after, expected) => {
    const spec = prepareChangedService(ready(after), ready(before)).spec as unknown as Record<string, unknown>;
    for (const [field, value] of Object.entries(expected)) expect({ [field]: spec[field] }).toEqual({ [field]: value });
  });

  it("drops addresses and policies for ExternalName", () => {
    const after = ready({
      ...nodePort,
      type: "ExternalName",
      externalName: "x",
      internalTrafficPolicy: "Cluster",
      externalTrafficPolicy: "Cluster",
    });
    expect(prepareChangedService(after, ready(nodePort)).spec).toEqual({
      type: "ExternalName",
      externalName: "x",
      sessionAffinity: "None",
      ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: 80 }],
    });
  });

  it("clears the addresses of the load balancer with the type", () => {
    const status = { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } };
    const changed = prepareChangedService({ ...ready({}), status }, { ...ready(local), status });
    expect(changed.status).toEqual({ loadBalancer: {} });
  });
});

describe("serviceRow()", () => {
  const cases: readonly (readonly [object, object | undefined, readonly unknown[]])[] = [
    [{}, undefined, ["ClusterIP", "10.96.0.7", "<none>", "80/TCP"]],
    [{ clusterIP: "None", clusterIPs: ["None"], ports: [] }, undefined, ["ClusterIP", "None", "<none>", "<none>"]],
    [
      {
        type: "NodePort",
        ports: [
          { name: "a", port: 80, nodePort: 30080 },
          { name: "b", port: 53, protocol: "UDP" },
        ],
      },
      undefined,
      ["NodePort", "10.96.0.7", "<none>", "80:30080/TCP,53/UDP"],
    ],
    [{ type: "LoadBalancer" }, undefined, ["LoadBalancer", "10.96.0.7", "<pending>", "80/TCP"]],
    [
      { type: "LoadBalancer" },
      { loadBalancer: { ingress: [{ ip: "192.0.2.2" }, { hostname: "a.example.com" }] } },
      ["LoadBalancer", "10.96.0.7", "192.0.2.2,a.example.com", "80/TCP"],
    ],
    [
      { externalIPs: ["192.0.2.1", "192.0.2.2"] },
      undefined,
      ["ClusterIP", "10.96.0.7", "192.0.2.1,192.0.2.2", "80/TCP"],
    ],
  ];
  it.each(cases)("shows %j with status %j", (spec, status, cells) => {
    const shown = {
      ...ready({ selector: { b: "2", a: "1" }, ...spec }, { creationTimestamp: "2026-01-01T00:00:00Z" }),
      ...(status === undefined ? {} : { status }),
    };
    expect(serviceRow(shown, Date.UTC(2026, 0, 1, 0, 5))).toEqual(["a", ...cells, "5m", "a=1,b=2"]);
  });

  it("shows the name of an ExternalName", () => {
    const shown = defaultService(service({ type: "ExternalName", externalName: "x.example.com" }));
    expect(serviceRow(shown, 0)).toEqual([
      "a",
      "ExternalName",
      "<none>",
      "x.example.com",
      "<none>",
      "<unknown>",
      "<none>",
    ]);
  });
});

describe("serviceKind.warnings()", () => {
  it.each([
    [
      { trafficDistribution: "PreferClose" },
      'spec.trafficDistribution: "PreferClose" is deprecated, use "PreferSameZone"',
    ],
    [{ externalName: "x" }, 'spec.externalName is ignored when spec.type is not "ExternalName"'],
    [
      { clusterIP: "None", clusterIPs: ["None"], externalIPs: ["192.0.2.1"] },
      'spec.externalIPs is ignored when spec.clusterIP is "None"',
    ],
  ])("of %j", (spec, text) => expect(serviceKind.warnings(ready(spec), undefined)).toContain(text));
});
