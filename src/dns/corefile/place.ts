import { CodedError } from "../../core/index.ts";

/** Where in a configuration file something stands. */
export interface Place {
  readonly file: string;
  /** The first line is 1. */
  readonly line: number;
}

/** The error of a configuration that cannot be used: `FILE:LINE: what is wrong, and what to do`. */
export function corefileError({ file, line }: Place, message: string): CodedError {
  return new CodedError("InvalidCorefile", `${file}:${line}: ${message}`);
}
