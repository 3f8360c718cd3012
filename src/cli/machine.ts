import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { CodedError } from "../core/index.ts";

/** The programs a lab runs, and the Debian package that has each. */
const programs: Readonly<Record<string, string>> = {
  ip: "iproute2",
  mount: "mount",
  nft: "nftables",
  nsenter: "util-linux",
  setpriv: "util-linux",
  unshare: "util-linux",
};

/** Checks that the machine can run a lab. Throws `CodedError` "MissingProgram" that says what to install. */
export function checkMachine(): void {
  if (process.platform !== "linux") {
    throw new CodedError(
      "NotLinux",
      "A lab needs the Linux kernel: run sealane on a Linux machine, or in a Linux virtual machine",
    );
  }
  const missing = Object.keys(programs).filter((program) => !isInstalled(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => programs[program]))].sort().join(" ");
  const sudo = process.getuid?.() === 0 ? "" : "sudo ";
  throw new CodedError(
    "MissingProgram",
    `${missing.join(", ")} not found: install with "${sudo}apt-get install ${packages}" (Debian, Ubuntu) and try again`,
  );
}

/** Ordinary users often lack the sbin directories in PATH, where `ip` and `nft` live. */
function isInstalled(program: string): boolean {
  const directories = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return directories.some((directory) => {
    const path = join(directory, program);
    if (!existsSync(path)) return false;
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
