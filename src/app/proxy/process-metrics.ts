import { version } from "../../core/index.ts";
import type { Metrics } from "../../core/index.ts";

/** Adds what dashboards ask every process for: CPU time, memory, age, version. */
export function readProcessMetrics(metrics: Metrics): void {
  const startedAt = Date.now() / 1000 - process.uptime();
  const gauge = (name: string, help: string, value: () => number) =>
    metrics.read({ kind: "gauge", name, help }, () => [[value()]]);
  metrics.read(
    { kind: "counter", name: "process_cpu_seconds_total", help: "CPU time of the process in seconds" },
    () => {
      const { user, system } = process.cpuUsage();
      return [[(user + system) / 1e6]];
    },
  );
  gauge("process_resident_memory_bytes", "Memory of the process in bytes", () => process.memoryUsage.rss());
  gauge("process_start_time_seconds", "When the process started, in seconds since 1970", () => startedAt);
  metrics.read(
    { kind: "gauge", name: "sealane_build_info", help: "The version of this program", labels: ["version"] },
    () => [[version, 1]],
  );
}
