import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { say } from "./root.mjs";

/**
 * The programs that are not ours: who needs each, and the package that has it, by package manager.
 * `for: "demo"` programs are needed wherever a lab runs, so the tests need them too.
 */
export const programs = [
  { name: "nft", for: "demo", apt: "nftables", dnf: "nftables", pacman: "nftables" },
  { name: "unshare", for: "demo", apt: "util-linux", dnf: "util-linux", pacman: "util-linux" },
  { name: "nsenter", for: "demo", apt: "util-linux", dnf: "util-linux", pacman: "util-linux" },
  { name: "setpriv", for: "demo", apt: "util-linux", dnf: "util-linux", pacman: "util-linux" },
  { name: "mount", for: "demo", apt: "mount", dnf: "util-linux", pacman: "util-linux" },
  { name: "ip", for: "test", apt: "iproute2", dnf: "iproute", pacman: "iproute2" },
  { name: "conntrack", for: "test", apt: "conntrack", dnf: "conntrack-tools", pacman: "conntrack-tools" },
  { name: "iptables-legacy-restore", for: "test", apt: "iptables", dnf: "iptables-legacy", pacman: "iptables" },
  { name: "iptables-nft-restore", for: "test", apt: "iptables", dnf: "iptables-nft", pacman: "iptables-nft" },
  { name: "dig", for: "test", apt: "bind9-dnsutils", dnf: "bind-utils", pacman: "bind" },
  { name: "dnsperf", for: "test", apt: "dnsperf", dnf: "dnsperf", pacman: "dnsperf" },
  // Only the program: nothing starts when it is installed.
  { name: "dnsmasq", for: "test", apt: "dnsmasq-base", dnf: "dnsmasq", pacman: "dnsmasq" },
  { name: "curl", for: "test", apt: "curl", dnf: "curl", pacman: "curl" },
  { name: "ncat", for: "test", apt: "ncat", dnf: "nmap-ncat", pacman: "nmap" },
  // Resolvers of containers: BusyBox has its own, and with musl's C library they are built as Alpine's are.
  { name: "busybox", for: "test", apt: "busybox", dnf: "busybox", pacman: "busybox" },
  { name: "gcc", for: "test", apt: "gcc", dnf: "gcc", pacman: "gcc" },
  { name: "musl-gcc", for: "test", apt: "musl-tools", dnf: "musl-gcc", pacman: "musl" },
  { name: "modprobe", for: "test", apt: "kmod", dnf: "kmod", pacman: "kmod" },
  { name: "ipset", for: "test", apt: "ipset", dnf: "ipset", pacman: "ipset" },
  { name: "ipvsadm", for: "test", apt: "ipvsadm", dnf: "ipvsadm", pacman: "ipvsadm" },
  // Only Debian and its relatives have it, for these processors; without it the tests of IPVS and SCTP are skipped and say so.
  { name: "linux.uml", for: "test", apt: "user-mode-linux", processors: ["x64", "ia32"] },
];

/** How to install packages, by package manager. Only apt-get is ever run by set-up itself. */
const managers = [
  { name: "apt", program: "apt-get", install: (names) => `apt-get update && apt-get install -y ${names}` },
  { name: "dnf", program: "dnf", install: (names) => `dnf install -y ${names}` },
  { name: "pacman", program: "pacman", install: (names) => `pacman -S --needed ${names}` },
];

/** The full path of a program, looked for on PATH and where system programs are kept. */
export function findProgram(name) {
  for (const folder of `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`.split(":")) {
    if (folder === "") continue;
    try {
      accessSync(`${folder}/${name}`, constants.X_OK);
      return `${folder}/${name}`;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** Whether this process may install packages. */
export function isRoot() {
  return process.getuid?.() === 0;
}

/**
 * Sees to it that the programs for `purpose` ("demo" or "test") exist and that namespaces may be made. As root on Debian and
 * its relatives it installs what is missing; elsewhere it throws an `Error` that has the command to run.
 */
export function ensurePrograms(purpose) {
  let missing = missingPrograms(purpose);
  if (missing.length > 0 && isRoot() && findProgram("apt-get") !== undefined) {
    const packages = packagesOf(missing, "apt");
    say(`${namesOf(missing)} missing: installing ${packages} with apt-get`);
    updatePackageLists();
    if (!aptGet(["install", "-y", "--no-install-recommends", ...packages.split(" ")])) {
      throw new Error(`apt-get could not install ${packages}; its messages are above`);
    }
    missing = missingPrograms(purpose);
  }
  if (missing.length > 0) throw new Error(`${namesOf(missing)} missing. ${adviceFor(missing)}`);
  ensureNamespaces();
}

function missingPrograms(purpose) {
  const manager = managers.find(({ program }) => findProgram(program) !== undefined);
  return programs.filter(
    (program) =>
      (program.for === "demo" || purpose === "test") &&
      (program.processors ?? [process.arch]).includes(process.arch) &&
      (manager === undefined ? program.dnf : program[manager.name]) !== undefined &&
      !findProgram(program.name),
  );
}

function namesOf(missing) {
  const names = missing.map((program) => program.name).join(", ");
  return missing.length === 1 ? `program ${names} is` : `programs ${names} are`;
}

function packagesOf(missing, manager) {
  return [...new Set(missing.map((program) => program[manager]))].join(" ");
}

function adviceFor(missing) {
  const manager = managers.find(({ program }) => findProgram(program) !== undefined);
  if (manager === undefined) {
    return `Install them with this system's package manager (Debian calls the packages: ${packagesOf(missing, "apt")})`;
  }
  const command = manager.install(packagesOf(missing, manager.name));
  return isRoot() ? `Run: ${command}` : `Run: sudo sh -c '${command}'`;
}

/** Fetches the package lists of apt-get, once in the life of this process. Returns whether there are lists now. */
export function updatePackageLists() {
  if (!updated) updated = aptGet(["update", "-q"]);
  return updated;
}

let updated = false;

/** Whether apt-get has lists to look packages up in. */
export function hasPackageLists() {
  const folder = "/var/lib/apt/lists";
  return existsSync(folder) && readdirSync(folder).some((name) => name.includes("_Packages"));
}

function aptGet(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync("apt-get", ["-qq", ...args], { stdio: ["ignore", 2, 2], env }).status === 0;
}

/** Throws when the kernel or a container runtime does not let this user make namespaces. */
function ensureNamespaces() {
  const flags = isRoot() ? ["-nm"] : ["-Urnm"];
  const { status, stderr } = spawnSync(findProgram("unshare") ?? "unshare", [...flags, "true"], { encoding: "utf8" });
  if (status === 0) return;
  const reason = `a lab needs namespaces, and the kernel refused (${stderr.trim().split("\n")[0]})`;
  if (isRoot())
    throw new Error(`${reason}. In a container, give it the capability SYS_ADMIN (docker run --privileged)`);
  const settings = namespaceSettings.filter(([path]) => existsSync(`/proc/sys/${path}`)).map(([, setting]) => setting);
  throw new Error(`${reason}. Run it as root, or allow them: sudo sysctl ${settings.join(" ")}`);
}

/** What may forbid namespaces to ordinary users: Ubuntu's, Debian's, everyone's. */
const namespaceSettings = [
  ["kernel/apparmor_restrict_unprivileged_userns", "kernel.apparmor_restrict_unprivileged_userns=0"],
  ["kernel/unprivileged_userns_clone", "kernel.unprivileged_userns_clone=1"],
  ["user/max_user_namespaces", "user.max_user_namespaces=15000"],
];
