import { closeSync, mkdirSync, openSync, readlinkSync } from "node:fs";
import { hasCode } from "../core/index.ts";
import { applyLinkSteps, bindMount, mountFileSystem } from "../kernel/index.ts";
import { placesFolder } from "./place/files.ts";
import { searchPath } from "./search-path.ts";

/** Where the supervisor finds itself after `enterLab`. */
export interface EnteredLab {
  /** This process as the host sees it: what `nsenter -t` takes. */
  readonly hostPid: number;
}

/**
 * The supervisor's first step, in the fresh namespaces that `unshare` gave it: a private /run (so that namespaces and
 * sockets of the lab are nobody else's), /proc of the lab's own processes, and loopback. Folders of the host below /run
 * that are still needed are named in `keep`; they stay where they are.
 */
export function enterLab(keep: readonly string[] = []): EnteredLab {
  process.env["PATH"] = searchPath();
  // The /proc that is still there is the host's: it knows this process by the host's number.
  const hostPid = Number(readlinkSync("/proc/self"));
  const kept = keep.filter((path) => path.startsWith("/run/")).map((path) => ({ path, fd: openSync(path, "r") }));
  mountFileSystem("tmpfs", "/run", "mode=755");
  mountProc();
  for (const { path, fd } of kept) {
    mkdirSync(path, { recursive: true });
    bindMount(`/proc/self/fd/${fd}`, path);
    closeSync(fd);
  }
  mkdirSync("/run/netns", { recursive: true });
  mkdirSync(placesFolder, { recursive: true });
  applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]);
  return { hostPid };
}

function mountProc(): void {
  try {
    mountFileSystem("proc", "/proc");
  } catch (error) {
    // In a container whose /proc is masked an ordinary user may not mount another; the container's own serves as well,
    // only that commands in the lab see the processes around it.
    if (!hasCode(error, "EPERM")) throw error;
  }
}
