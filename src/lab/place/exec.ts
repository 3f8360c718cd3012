import type { Place } from "./place.ts";

/** What a command at a place needs. */
export interface ExecOptions {
  /** The supervisor's process number on the host. */
  readonly hostPid: number;
  /** Whether the lab was made with a user namespace of its own (by an ordinary user). */
  readonly userNamespace: boolean;
  readonly place: Place;
  readonly command: readonly string[];
  /** Working directory; where the lab does not have it, the command starts in /. */
  readonly cwd: string;
}

/**
 * Runs in the lab's mount namespace made private: covers the files that name resolution reads, then becomes the
 * command. /etc/resolv.conf may be a link into /run, whose target does not exist in the lab until it is made here.
 */
const script = `
folder=$1 name=$2 cwd=$3
shift 3
for file in resolv.conf hosts; do
  [ -e "$folder/$file" ] || continue
  target=$(readlink -m "/etc/$file")
  case $target in
    /run/*) mkdir -p "$(dirname "$target")" && touch "$target" ;;
  esac
  mount --bind "$folder/$file" "$target" || echo "sealane: the host's /etc/$file stays in place" >&2
done
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
hostname "$name" 2>/dev/null
cd "$cwd" 2>/dev/null || cd /
exec "$@"
`;

/**
 * The program and arguments that run a command at a place of a lab, started on the host: with the host's files and the
 * caller's terminal, in the place's network, with its names. The exit code is the command's own; 127 when there is no
 * such program.
 */
export function execArgs(options: ExecOptions): readonly string[] {
  const { hostPid, userNamespace, place, command, cwd } = options;
  // The caller looks into the lab's file system through the supervisor: its /run is not the host's.
  const namespace = `/proc/${hostPid}/root${place.namespace}`;
  return [
    "nsenter",
    "--preserve-credentials",
    `--target=${hostPid}`,
    ...(userNamespace ? ["--user"] : []),
    "--mount",
    "--pid",
    `--net=${namespace}`,
    "--",
    "unshare",
    "--mount",
    "--uts",
    "--",
    "/bin/sh",
    "-c",
    script,
    "sealane",
    place.files,
    place.hostname,
    cwd,
    ...command,
  ];
}
