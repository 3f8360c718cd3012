import { ScriptError } from "./script-error.ts";

/** A script that nft or the kernel refused. Nothing of it has taken effect. */
export class NftError extends ScriptError {
  constructor(code: string, reason: string, line: string, stderr: string) {
    super("nft", code, reason, line, stderr);
  }
}

const codes: readonly (readonly [pattern: RegExp, code: string])[] = [
  [/No such file or directory/, "ENOENT"],
  [/File exists/, "EEXIST"],
  [/Operation not permitted|Permission denied/, "EPERM"],
  [/Operation not supported/, "EOPNOTSUPP"],
  [/Device or resource busy/, "EBUSY"],
  [/No space left on device|Too many open files|Numerical result out of range/, "ENOSPC"],
  // The kernel takes no bigger transaction from a user namespace than net.core.wmem_max allows.
  [/Message too long/, "EMSGSIZE"],
  [/Cannot allocate memory|No buffer space available/, "ENOMEM"],
];

const longestLine = 200;

/**
 * Decodes what nft writes: `/dev/stdin:LINE:FROM-TO: Error: REASON`, then the line of input, then carets below it. The
 * code is the name of the kernel's error number, or `NftRefused` when nft itself refused the script.
 */
export function decodeNftError(stderr: string): NftError {
  const lines = stderr.split("\n");
  const at = lines.findIndex((line) => line.includes("Error: "));
  const first = lines[at] ?? lines.find((line) => line.trim() !== "") ?? "no reason given";
  const reason = first.replace(/^.*?Error: /, "").trim();
  const code = codes.find(([pattern]) => pattern.test(reason))?.[1] ?? "NftRefused";
  // nft prints the whole line and carets under the part that it means, which for long lines is what helps.
  const input = at < 0 ? "" : (lines[at + 1] ?? "");
  const from = Math.max(0, (lines[at + 2] ?? "").indexOf("^"));
  const part = input.length <= longestLine ? input : input.slice(from, from + longestLine);
  return new NftError(code, reason, part.trim(), stderr.trim());
}
