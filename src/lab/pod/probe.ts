import { isPort } from "../../core/index.ts";
import type { Container, Probe } from "../../objects/index.ts";

export type ProbeKind = "startup" | "readiness" | "liveness";

/** What a probe does. `assumed` probes (exec, grpc) run nothing: a stand-in has no program to ask. */
export type ProbeAction =
  | {
      readonly kind: "http";
      readonly port: number;
      readonly path: string;
      readonly host: string | undefined;
      readonly headers: readonly { readonly name: string; readonly value: string }[];
    }
  | { readonly kind: "tcp"; readonly port: number; readonly host: string | undefined }
  | { readonly kind: "assumed" }
  | { readonly kind: "impossible"; readonly reason: string };

/** A probe with every default filled in; times in milliseconds. */
export interface ProbePlan {
  readonly kind: ProbeKind;
  readonly action: ProbeAction;
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

/** Reads a probe of a container, with the defaults of Kubernetes (period 10 s, timeout 1 s, thresholds 1 and 3). */
export function planProbe(kind: ProbeKind, probe: Probe, container: Container): ProbePlan {
  return {
    kind,
    action: planAction(probe, container),
    initialDelayMs: (probe.initialDelaySeconds ?? 0) * 1000,
    periodMs: (probe.periodSeconds ?? 10) * 1000,
    timeoutMs: (probe.timeoutSeconds ?? 1) * 1000,
    successThreshold: probe.successThreshold ?? 1,
    failureThreshold: probe.failureThreshold ?? 3,
  };
}

function planAction(probe: Probe, container: Container): ProbeAction {
  const { httpGet, tcpSocket } = probe;
  const target = httpGet ?? tcpSocket;
  if (target === undefined) return { kind: "assumed" };
  const port = resolvePort(target.port, container);
  if (port === undefined) {
    return { kind: "impossible", reason: `container ${container.name} has no port named "${target.port}"` };
  }
  // A stand-in has no certificate: where TLS is expected, an accepted connection is proof enough.
  if (httpGet === undefined || httpGet.scheme === "HTTPS") return { kind: "tcp", port, host: target.host };
  const path = httpGet.path ?? "/";
  return {
    kind: "http",
    port,
    path: path.startsWith("/") ? path : `/${path}`,
    host: httpGet.host,
    headers: httpGet.httpHeaders ?? [],
  };
}

function resolvePort(port: number | string, container: Container): number | undefined {
  const number = typeof port === "number" ? port : /^[0-9]+$/.test(port) ? Number(port) : undefined;
  if (number !== undefined) return isPort(number) ? number : undefined;
  return container.ports?.find(({ name }) => name === port)?.containerPort;
}

/** What a probe's results say so far. */
export interface ProbeProgress {
  readonly passing: boolean;
  /** The result that the last `streak` runs have in common. */
  readonly last: boolean | undefined;
  readonly streak: number;
}

/** Before the first result: not ready, not started, but alive. */
export function initialProgress(kind: ProbeKind): ProbeProgress {
  return { passing: kind === "liveness", last: undefined, streak: 0 };
}

/** The progress after one more run: the verdict turns when as many runs in a row as the threshold says agree. */
export function afterResult(plan: ProbePlan, progress: ProbeProgress, passed: boolean): ProbeProgress {
  const streak = progress.last === passed ? progress.streak + 1 : 1;
  const threshold = passed ? plan.successThreshold : plan.failureThreshold;
  return { passing: streak >= threshold ? passed : progress.passing, last: passed, streak };
}

/** Whether startup or liveness failed for good, so that the container must be started again. */
export function mustRestart(plan: ProbePlan, progress: ProbeProgress): boolean {
  return plan.kind !== "readiness" && progress.last === false && progress.streak >= plan.failureThreshold;
}

/** How long the kubelet waits before the nth restart (0 = the first): at once, then 10 s, doubled up to 5 minutes. */
export function restartDelayMs(restarts: number): number {
  return restarts === 0 ? 0 : Math.min(10_000 * 2 ** (restarts - 1), 300_000);
}
