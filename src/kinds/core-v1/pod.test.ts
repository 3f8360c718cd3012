import { describe, expect, it } from "vitest";
import type { Pod } from "../../objects/index.ts";
import { asFields, fieldsOf } from "../fields.ts";
import { defaultPodTemplate, qosClass } from "../pod-spec/defaults.ts";
import { validatePodSpec } from "../pod-spec/validation.ts";
import { podRow } from "./pod-row.ts";
import { podKind } from "./pod.ts";

const container = { name: "c", image: "nginx:1.27" };

function pod(spec: object, rest: object = {}): Pod {
  const metadata = { name: "p", namespace: "n", creationTimestamp: "2026-01-01T00:00:00Z" };
  return { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [container], ...spec }, ...rest };
}

function defaulted(spec: object, rest: object = {}): Pod {
  const result: object = podKind.applyDefaults(pod(spec, rest));
  return result as Pod;
}

describe("podKind.applyDefaults()", () => {
  it("fills in pod and container", () => {
    expect(defaulted({}).spec).toEqual({
      containers: [
        {
          ...container,
          resources: {},
          terminationMessagePath: "/dev/termination-log",
          terminationMessagePolicy: "File",
          imagePullPolicy: "IfNotPresent",
        },
      ],
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      securityContext: {},
      schedulerName: "default-scheduler",
      enableServiceLinks: true,
    });
  });

  it.each([
    ["nginx", "Always"],
    ["nginx:latest", "Always"],
    ["host:5000/nginx", "Always"],
    ["host:5000/nginx:1", "IfNotPresent"],
    ["nginx@sha256:00", "IfNotPresent"],
  ])("pulls %s: %s", (image, policy) => {
    expect(defaulted({ containers: [{ name: "c", image }] }).spec.containers[0]).toMatchObject({
      imagePullPolicy: policy,
    });
  });

  it("fills in ports, probes, references and volumes", () => {
    const spec = {
      hostNetwork: true,
      containers: [
        {
          ...container,
          ports: [{ containerPort: 80 }],
          readinessProbe: { httpGet: { port: 80 }, periodSeconds: 1, failureThreshold: 0 },
          livenessProbe: { grpc: { port: 9000 } },
          env: [{ name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }],
          lifecycle: { preStop: { httpGet: { port: 80, path: "/stop" } } },
          resources: { limits: { cpu: "1" } },
        },
      ],
      volumes: [{ name: "a" }, { name: "b", configMap: { name: "m" } }, { name: "c", hostPath: { path: "/x" } }],
    };
    const { containers, volumes } = asFields(defaulted(spec).spec);
    expect(containers).toEqual([
      expect.objectContaining({
        ports: [{ containerPort: 80, hostPort: 80, protocol: "TCP" }],
        readinessProbe: {
          httpGet: { port: 80, path: "/", scheme: "HTTP" },
          periodSeconds: 1,
          timeoutSeconds: 1,
          successThreshold: 1,
          failureThreshold: 3,
        },
        livenessProbe: expect.objectContaining({ grpc: { port: 9000, service: "" } }) as unknown,
        env: [{ name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP", apiVersion: "v1" } } }],
        lifecycle: { preStop: { httpGet: { port: 80, path: "/stop", scheme: "HTTP" } } },
        resources: { limits: { cpu: "1" }, requests: { cpu: "1" } },
      }),
    ]);
    expect(volumes).toEqual([
      { name: "a", emptyDir: {} },
      { name: "b", configMap: { name: "m", defaultMode: 420 } },
      { name: "c", hostPath: { path: "/x", type: "" } },
    ]);
  });

  it("does not turn limits into requests in templates", () => {
    const template = defaultPodTemplate({
      spec: { containers: [{ ...container, resources: { limits: { cpu: "1" } } }] },
    });
    expect(fieldsOf(template.spec).containers).toMatchObject([{ resources: { limits: { cpu: "1" } } }]);
    expect(JSON.stringify(template)).not.toContain("requests");
  });
});

describe("podKind.prepareForCreate()", () => {
  it("admits with account, tolerations and a first status", () => {
    const created = podKind.prepareForCreate(defaulted({}, { status: { phase: "Running" } }));
    expect(created).toMatchObject({
      spec: {
        serviceAccountName: "default",
        priority: 0,
        tolerations: [
          { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
          { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
        ],
      },
      status: { phase: "Pending", qosClass: "BestEffort" },
    });
  });
});

describe("qosClass()", () => {
  const limits = { cpu: "1", memory: "1Gi" };
  it.each([
    [[{}], "BestEffort"],
    [[{ resources: { limits, requests: limits } }], "Guaranteed"],
    [[{ resources: { limits } }], "Guaranteed"],
    [[{ resources: { limits, requests: { cpu: "500m" } } }], "Burstable"],
    [[{ resources: { limits } }, {}], "Burstable"],
  ])("of %j is %s", (containers, expected) => expect(qosClass({ containers })).toBe(expected));
});

describe("validatePodSpec()", () => {
  const at = (change: object) => ({ containers: [{ ...container, ...change }] });
  const range = "must be between 1 and 65535, inclusive";
  const bad: readonly (readonly [object, string, string])[] = [
    [{ containers: [] }, "spec.containers", "Required value"],
    [at({ name: "" }), "spec.containers[0].name", "Required value"],
    [at({ image: undefined }), "spec.containers[0].image", "Required value"],
    [
      at({ image: " x" }),
      "spec.containers[0].image",
      'Invalid value: " x": must not have leading or trailing whitespace',
    ],
    [{ containers: [container, container] }, "spec.containers[1].name", 'Duplicate value: "c"'],
    [{ containers: [container], initContainers: [container] }, "spec.initContainers[0].name", 'Duplicate value: "c"'],
    [
      at({ ports: [{ containerPort: 70000 }] }),
      "spec.containers[0].ports[0].containerPort",
      `Invalid value: 70000: ${range}`,
    ],
    [at({ ports: [{}] }), "spec.containers[0].ports[0].containerPort", "Required value"],
    [
      at({ ports: [{ containerPort: 80, name: "a-very-long-name" }] }),
      "spec.containers[0].ports[0].name",
      'Invalid value: "a-very-long-name": must be no more than 15 characters',
    ],
    [
      at({ ports: [{ containerPort: 80, name: "80" }] }),
      "spec.containers[0].ports[0].name",
      'Invalid value: "80": must contain at least one letter (a-z)',
    ],
    [
      at({
        ports: [
          { containerPort: 1, name: "a" },
          { containerPort: 2, name: "a" },
        ],
      }),
      "spec.containers[0].ports[1].name",
      'Duplicate value: "a"',
    ],
    [
      at({ ports: [{ containerPort: 80, protocol: "HTTP" }] }),
      "spec.containers[0].ports[0].protocol",
      'Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      at({ ports: [{ containerPort: 80, hostPort: 70000 }] }),
      "spec.containers[0].ports[0].hostPort",
      `Invalid value: 70000: ${range}`,
    ],
    [
      at({ imagePullPolicy: "Never ever" }),
      "spec.containers[0].imagePullPolicy",
      'Unsupported value: "Never ever": supported values: "Always", "IfNotPresent", "Never"',
    ],
    [
      at({ env: [{ name: "a=b" }] }),
      "spec.containers[0].env[0].name",
      "Invalid value: \"a=b\": a valid environment variable name must consist only of printable ASCII characters other than '=', regex used for validation is '[ -<>-~]+'",
    ],
    [
      at({ env: [{ name: "a", value: "1", valueFrom: { fieldRef: { fieldPath: "x" } } }] }),
      "spec.containers[0].env[0].valueFrom",
      'Invalid value: "": may not be specified when `value` is not empty',
    ],
    [
      at({ volumeMounts: [{ name: "v", mountPath: "/x" }] }),
      "spec.containers[0].volumeMounts[0].name",
      'Not found: "v"',
    ],
    [at({ readinessProbe: {} }), "spec.containers[0].readinessProbe", "Required value: must specify a handler type"],
    [
      at({ readinessProbe: { httpGet: { path: "/", port: 0 } } }),
      "spec.containers[0].readinessProbe.httpGet.port",
      `Invalid value: 0: ${range}`,
    ],
    [
      at({ livenessProbe: { exec: { command: ["x"] }, successThreshold: 2 } }),
      "spec.containers[0].livenessProbe.successThreshold",
      "Invalid value: 2: must be 1",
    ],
    [
      at({ livenessProbe: { exec: {}, periodSeconds: -1 } }),
      "spec.containers[0].livenessProbe.periodSeconds",
      "Invalid value: -1: must be greater than or equal to 0",
    ],
    [
      at({ lifecycle: { preStop: {} } }),
      "spec.containers[0].lifecycle.preStop",
      "Required value: must specify a handler type",
    ],
    [
      at({ resources: { limits: { cpu: "1" }, requests: { cpu: "2" } } }),
      "spec.containers[0].resources.requests",
      'Invalid value: "2": must be less than or equal to cpu limit of 1',
    ],
    [
      at({ resources: { limits: { gpu: "1" } } }),
      "spec.containers[0].resources.limits",
      'Invalid value: "gpu": must be a standard resource type or fully qualified',
    ],
    [
      { restartPolicy: "Sometimes" },
      "spec.restartPolicy",
      'Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
    ],
    [
      { dnsPolicy: "None" },
      "spec.dnsConfig.nameservers",
      "Required value: must provide at least one DNS nameserver when `dnsPolicy` is None",
    ],
    [
      { terminationGracePeriodSeconds: -1 },
      "spec.terminationGracePeriodSeconds",
      "Invalid value: -1: must be greater than or equal to 0",
    ],
    [
      {
        volumes: [
          { name: "v", emptyDir: {} },
          { name: "v", emptyDir: {} },
        ],
      },
      "spec.volumes[1].name",
      'Duplicate value: "v"',
    ],
    [
      { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: "a", whenUnsatisfiable: "DoNotSchedule" }] },
      "spec.topologySpreadConstraints[0].maxSkew",
      "Invalid value: 0: must be greater than zero",
    ],
    [
      { tolerations: [{ operator: "Equal" }] },
      "spec.tolerations[0].operator",
      'Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
    ],
    [
      { hostNetwork: true, containers: [{ ...container, ports: [{ containerPort: 80, hostPort: 81 }] }] },
      "spec.containers[0].ports[0].hostPort",
      "Invalid value: 81: must match `containerPort` when `hostNetwork` is true",
    ],
  ];
  it.each(bad)("refuses %j", (spec, field, message) => {
    const errors = validatePodSpec(asFields(defaulted(spec).spec), "spec");
    expect(errors).toContainEqual(expect.objectContaining({ field, message }));
  });

  it("accepts what it is about", () => {
    const spec = {
      containers: [
        {
          ...container,
          ports: [{ containerPort: 53 }, { containerPort: 53, protocol: "UDP" }],
          volumeMounts: [{ name: "v", mountPath: "/v" }],
        },
      ],
      volumes: [{ name: "v" }],
      tolerations: [{ operator: "Exists" }],
      dnsConfig: { searches: ["_tcp.example.com.", "."] },
    };
    expect(validatePodSpec(asFields(defaulted(spec).spec), "spec")).toEqual([]);
  });
});

describe("podKind.validateUpdate()", () => {
  const old = podKind.prepareForCreate(defaulted({}));
  const changed = (spec: object): Pod => {
    const result: object = { ...old, spec: { ...fieldsOf(asFields(old).spec), ...spec } };
    return result as Pod;
  };
  it("lets the node be set once, and images change", () => {
    const bound = changed({ nodeName: "node-1" });
    expect(podKind.validateUpdate(bound, old, undefined)).toEqual([]);
    expect(podKind.validateUpdate(changed({ nodeName: "node-2" }), bound, undefined)[0]).toMatchObject({
      field: "spec.nodeName",
    });
    const [first] = bound.spec.containers;
    const image = changed({ nodeName: "node-1", containers: [{ ...first, image: "nginx:2" }] });
    expect(podKind.validateUpdate(image, bound, undefined)).toEqual([]);
  });

  it("refuses other changes", () => {
    const [error] = podKind.validateUpdate(changed({ hostname: "x" }), old, undefined);
    expect(error).toMatchObject({ type: "FieldValueForbidden", field: "spec" });
    expect(error?.message).toMatch(
      /^Forbidden: pod updates may not change fields other than `spec.containers\[\*\].image`/,
    );
  });
});

describe("podRow()", () => {
  const now = Date.UTC(2026, 0, 1, 0, 10);
  const running = { name: "c", ready: true, restartCount: 0, state: { running: {} } };
  const waiting = (reason: string) => ({ name: "c", ready: false, restartCount: 4, state: { waiting: { reason } } });
  const terminated = (reason: string | undefined, exitCode: number) => ({
    name: "c",
    ready: false,
    restartCount: 0,
    state: { terminated: { ...(reason === undefined ? {} : { reason }), exitCode } },
  });
  const cases: readonly (readonly [string, object, readonly [string, string, string]])[] = [
    ["a new one", { phase: "Pending" }, ["0/1", "Pending", "0"]],
    ["a running one", { phase: "Running", containerStatuses: [running] }, ["1/1", "Running", "0"]],
    [
      "one that crashes",
      { phase: "Running", containerStatuses: [waiting("CrashLoopBackOff")] },
      ["0/1", "CrashLoopBackOff", "4"],
    ],
    [
      "one that has crashed",
      {
        phase: "Running",
        containerStatuses: [
          { ...running, restartCount: 2, lastState: { terminated: { finishedAt: "2026-01-01T00:05:00Z" } } },
        ],
      },
      ["1/1", "Running", "2 (5m ago)"],
    ],
    [
      "a completed one",
      { phase: "Succeeded", containerStatuses: [terminated("Completed", 0)] },
      ["0/1", "Completed", "0"],
    ],
    [
      "one that failed without a reason",
      { phase: "Failed", containerStatuses: [terminated(undefined, 3)] },
      ["0/1", "ExitCode:3", "0"],
    ],
    ["an evicted one", { phase: "Failed", reason: "Evicted" }, ["0/1", "Evicted", "0"]],
    [
      "one that may not be scheduled yet",
      { phase: "Pending", conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }] },
      ["0/1", "SchedulingGated", "0"],
    ],
  ];
  it.each(cases)("shows %s", (_name, status, expected) => {
    expect(podRow(pod({}, { status }), now).slice(1, 4)).toEqual(expected);
  });

  it("counts init containers and sidecars", () => {
    const spec = {
      initContainers: [
        { name: "i", image: "x" },
        { name: "s", image: "x", restartPolicy: "Always" },
      ],
    };
    const done = { name: "i", restartCount: 1, state: { terminated: { exitCode: 0, reason: "Completed" } } };
    const sidecar = { name: "s", restartCount: 2, ready: true, started: true, state: { running: {} } };
    const starting = pod(spec, {
      status: { phase: "Pending", initContainerStatuses: [{ name: "i", restartCount: 0, state: { running: {} } }] },
    });
    expect(podRow(starting, now).slice(1, 4)).toEqual(["0/2", "Init:0/2", "0"]);
    const up = pod(spec, {
      status: { phase: "Running", initContainerStatuses: [done, sidecar], containerStatuses: [running] },
    });
    expect(podRow(up, now).slice(1, 4)).toEqual(["2/2", "Running", "2"]);
  });

  it("shows a deletion, and the wide columns", () => {
    const spec = { nodeName: "node-1", readinessGates: [{ conditionType: "x" }] };
    const status = {
      phase: "Running",
      podIP: "10.244.1.2",
      containerStatuses: [running],
      conditions: [{ type: "x", status: "True" }],
    };
    const going = pod(spec, { status });
    const shown = podRow({ ...going, metadata: { ...going.metadata, deletionTimestamp: "2026-01-01T00:10:00Z" } }, now);
    expect(shown).toEqual(["p", "1/1", "Terminating", "0", "10m", "10.244.1.2", "node-1", "<none>", "1/1"]);
  });
});
