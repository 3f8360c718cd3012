import { parseArgs } from "node:util";
import type { ParseArgsConfig } from "node:util";
import { CodedError, messageOf } from "../core/index.ts";

/** One subcommand of `sealane`. */
export interface Command {
  /** Printed by `--help`: usage line, what it does, its options. */
  readonly help: string;
  /** Runs with the arguments after the command's name; resolves to the exit code. */
  readonly run: (args: readonly string[]) => Promise<number>;
  /** Commands under a name of their own (`sealane dns trace`), with a help of their own. */
  readonly subcommands?: Readonly<Record<string, () => Promise<Command>>>;
}

/** The command line cannot be understood: exit code 2 and a pointer to `--help`. */
export class UsageError extends CodedError {
  constructor(message: string) {
    super("Usage", message);
  }
}

/** `util.parseArgs`, strict, with mistakes as `UsageError`. */
export function parseOptions<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(messageOf(error).split(". ")[0] ?? "Bad arguments");
  }
}

/** Reads an integer option. Throws `UsageError` outside `min`..`max`. */
export function integerOption(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value < min || value > max) {
    throw new UsageError(`--${name} must be a number from ${min} to ${max}, not ${JSON.stringify(text)}`);
  }
  return value;
}

/** Reads a duration such as `30s`, `2m`, `500ms` or plain seconds; in milliseconds. Throws `UsageError`. */
export function durationOption(name: string, text: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?$/.exec(text);
  if (match === null)
    throw new UsageError(`--${name} must be a duration such as 30s or 2m, not ${JSON.stringify(text)}`);
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] ?? "s"] ?? 1000;
  return Number(match[1]) * unit;
}
