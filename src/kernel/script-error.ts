import { CodedError } from "../core/index.ts";

/** A script that a tool of the kernel refused. */
export class ScriptError extends CodedError {
  /** The input line that was refused, shortened; empty when the tool named none. */
  readonly line: string;
  /** Everything that the tool said. */
  readonly stderr: string;

  constructor(tool: string, code: string, reason: string, line: string, stderr: string) {
    super(code, line === "" ? `${tool}: ${reason}` : `${tool}: ${reason}, in: ${line}`);
    this.line = line;
    this.stderr = stderr;
  }
}
