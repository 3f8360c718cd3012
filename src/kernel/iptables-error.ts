import { ScriptError } from "./script-error.ts";

/** A script that iptables-restore or the kernel refused. The table in which it failed is as it was. */
export class IptablesError extends ScriptError {
  constructor(code: string, reason: string, line: string, stderr: string) {
    super("iptables", code, reason, line, stderr);
  }
}

const codes: readonly (readonly [pattern: RegExp, code: string])[] = [
  // A chain or rule that should be there is not: the tables are not what they were left as.
  [/No chain\/target\/match by that name|does a matching rule exist|Couldn't load target `KUBE-/, "ENOENT"],
  [/Chain 'KUBE-[^']*' does not exist|_DEL failed \(No such file/, "ENOENT"],
  [/Chain already exists|File exists/, "EEXIST"],
  // Something still leads to a chain that should go.
  [/Device or resource busy|Too many links|Directory not empty/, "EEXIST"],
  [/xtables lock/, "EBUSY"],
  [/Permission denied|Operation not permitted/, "EPERM"],
  [/Message too long|No buffer space available/, "EMSGSIZE"],
  [/Cannot allocate memory/, "ENOMEM"],
  [/is incompatible, use 'nft' tool/, "EOPNOTSUPP"],
];

const longestLine = 200;

/** Where the tool says that it stopped: 1 for the first line. `undefined` when it names none. */
export function failedLine(stderr: string): number | undefined {
  const found = /(?:Error occurred at line: |\bline )(\d+)/.exec(stderr);
  return found === null ? undefined : Number(found[1]);
}

/**
 * Decodes what iptables-restore writes. The legacy variant often names a line without a reason: then a line that is not the
 * end of a table failed because of what is, or is not, in the kernel. Any other refusal has the code `IptablesRefused`.
 * `line` is the input line that `failedLine` tells.
 */
export function decodeIptablesError(stderr: string, line = ""): IptablesError {
  const known = codes.find(([pattern]) => pattern.test(stderr))?.[1];
  const isEnd = line === "COMMIT";
  const bare = /: line \d+ failed$/.test(stderr.trim());
  const code = known ?? (bare && line !== "" && !isEnd ? "ENOENT" : "IptablesRefused");
  return new IptablesError(code, reasonIn(stderr, isEnd), isEnd ? "" : line.slice(0, longestLine), stderr.trim());
}

function reasonIn(stderr: string, isEnd: boolean): string {
  const lines = stderr.split("\n").filter((text) => !/^(?:Error occurred|Try `|# Warning|$)/.test(text.trim()));
  const said = lines
    .map((text) => text.replace(/^\S*tables\S*(?: v\S+ \([^)]*\))?: ?/, "").trim())
    .filter((text) => text !== "" && !/^line \d+ failed$/.test(text))
    .join("; ");
  if (said !== "") return said;
  return isEnd ? "the kernel refused the table" : "the tables are not what this change expects";
}
