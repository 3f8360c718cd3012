import type { ChildProcess } from "node:child_process";
import type { ProxyMode } from "#layers/proxy";

/**
 * A proxy mode; iptables in one of its variants; ipvs also over a kernel that takes everything and does nothing, and over one that does so with virtual
 * servers alone.
 */
export type BenchMode =
  | Exclude<ProxyMode, "iptables" | "ebpf">
  | "iptables-legacy"
  | "iptables-nft"
  | (typeof ipvsWithout)[number];

/** Modes in which no traffic is carried. */
export const ipvsWithout = ["ipvs-without-kernel", "ipvs-without-servers"] as const;

/** What the agent is told on its command line, as JSON. */
export interface AgentTask {
  readonly socketPath: string;
  readonly mode: BenchMode;
  /** Path of the network namespace to work in. */
  readonly namespace: string;
}

/** What the agent tells the process that started it. Times are of the monotonic clock, in milliseconds. */
export type AgentReport =
  | {
      readonly kind: "loaded";
      /** From the start of the caches until they had all objects. */
      readonly cachesMs: number;
      /** From then until all rules were in the kernel. */
      readonly fullLoadMs: number;
      readonly cpuMs: number;
      readonly memoryMb: number;
      readonly peakMemoryMb: number;
      readonly installed: number;
      /** Of the full load, the time that each of the kernel's tools took; empty where that is not told apart. */
      readonly kernelMs: Readonly<Record<string, number>>;
    }
  | { readonly kind: "applied"; readonly at: number }
  | {
      readonly kind: "finished";
      readonly eventToKernelMedianMs: number;
      readonly eventToKernelP99Ms: number;
      readonly cpuMs: number;
      readonly peakMemoryMb: number;
    }
  | { readonly kind: "unavailable"; readonly reason: string };

/** Waits for the next report of a kind. Rejects when the agent ends, or says that its mode cannot run here. */
export type Reports = <K extends AgentReport["kind"]>(kind: K) => Promise<Extract<AgentReport, { kind: K }>>;

/** The agent's mode cannot run on this machine. */
export class ModeUnavailable extends Error {}

/** Gives the reports of an agent in the order in which they come. */
export function reportsOf(agent: ChildProcess): Reports {
  const queue: AgentReport[] = [];
  let wake: () => void = () => undefined;
  let ended: string | undefined;
  agent.on("message", (message) => {
    queue.push(message as AgentReport);
    wake();
  });
  agent.once("exit", (code, signal) => {
    ended = `The agent ended with ${signal ?? `exit code ${code}`}`;
    wake();
  });
  return async <K extends AgentReport["kind"]>(kind: K) => {
    for (;;) {
      const next = queue.shift();
      if (next?.kind === "unavailable") throw new ModeUnavailable(next.reason);
      if (next !== undefined && next.kind === kind) return next as Extract<AgentReport, { kind: K }>;
      if (next !== undefined) continue;
      if (ended !== undefined) throw new Error(ended);
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
}

/** The clock that all processes of a machine share, in milliseconds. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
