import { spawn } from "node:child_process";
import { CodedError } from "../core/index.ts";
import { inNamespace } from "../kernel/index.ts";

/** PATH with the folders of system programs, which ordinary users often lack. */
export function searchPath(): string {
  return `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
}

/** Applies nftables rules in the network namespace at `namespace`: all of them or none. Rejects with code `Nft`. */
export function applyNftRules(namespace: string, rules: string): Promise<void> {
  const env = { ...process.env, PATH: searchPath() };
  const nft = inNamespace(namespace, () => spawn("nft", ["-f", "-"], { stdio: ["pipe", "ignore", "pipe"], env }));
  return new Promise((resolve, reject) => {
    let stderr = "";
    nft.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const fail = (reason: string) =>
      reject(new CodedError("Nft", `Rules for ${namespace} were refused by "nft -f -": ${reason}\n${rules}`));
    nft.on("error", (error) => fail(error.message));
    nft.on("close", (code) => (code === 0 ? resolve() : fail(stderr.trim() || `exit code ${code}`)));
    nft.stdin.on("error", () => undefined);
    nft.stdin.end(rules);
  });
}
