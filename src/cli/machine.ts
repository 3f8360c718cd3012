import type { LaunchedLab } from "../app/index.ts";
import { CodedError } from "../core/index.ts";
import { findMissingPrograms, findNamespaceProblem } from "../lab/index.ts";

/** Checks that the machine can run a lab. Throws `CodedError` "NotLinux" or "MissingProgram" that says what to do. */
export function checkMachine(): void {
  if (process.platform !== "linux") {
    throw new CodedError(
      "NotLinux",
      "A lab needs the Linux kernel: run sealane on Linux, or in a virtual machine with it",
    );
  }
  const missing = findMissingPrograms();
  if (missing !== undefined) throw new CodedError("MissingProgram", missing);
}

/** Why a lab ended that nobody stopped: what the machine does not allow, or else its last words. */
export function labEnded(lab: LaunchedLab, exitCode: number): CodedError {
  const problem = findNamespaceProblem();
  if (problem !== undefined) return new CodedError("NoNamespaces", problem);
  const lastWords = lab.logTail();
  return new CodedError(
    "LabFailed",
    `The lab ended by itself (exit code ${exitCode})${lastWords === "" ? "" : `: ${lastWords}`}`,
  );
}
