import { writeFileSync } from "node:fs";
import { CodedError, messageOf } from "../core/index.ts";

/** Kernel settings under `/proc/sys`, keyed as there: `net/ipv4/ip_forward`. */
export type Sysctls = Readonly<Record<string, string | number>>;

/**
 * Writes kernel settings; those of the network go to the namespace of the calling thread. A setting that this kernel
 * does not have is passed over. Throws `CodedError` code `Sysctl` when one may not be written.
 */
export function writeSysctls(settings: Sysctls): void {
  for (const [key, value] of Object.entries(settings)) {
    try {
      writeFileSync(`/proc/sys/${key}`, `${value}`);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") continue;
      const setting = `${key.replaceAll("/", ".")} = ${value}`;
      throw new CodedError("Sysctl", `Kernel setting ${setting} may not be written: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}
