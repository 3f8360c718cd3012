#!/bin/sh
# Runs a command in a user-mode kernel that has IPVS: sh bench/in-uml.sh node bin/sealane.js bench proxy --modes ipvs 1000x2 10000x2
# Needs Debian's packages user-mode-linux and kmod; IN_UML_MEMORY is its memory in MiB (1536). Nothing of the kernel outlives the command.
set -eu
[ $# -gt 0 ] || { sed -n 2,3p "$0" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
export PATH="$PATH:/usr/sbin:/sbin"
if ! command -v linux.uml >/dev/null || [ ! -d /usr/lib/uml/modules ]; then
  echo "$0: there is no user-mode kernel: apt-get install user-mode-linux kmod" >&2
  exit 2
fi
# There is no network inside to install anything from.
node "$root/scripts/setup.mjs" demo >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
{
  printf 'export HOME=/run/home TMPDIR=/run/tmp NO_COLOR=1 TERM=dumb\ncd %s || exit\n' "'$root'"
  for word in "$@"; do printf "'%s' " "$(printf %s "$word" | sed "s/'/'\\\\''/g")"; done
  echo
} > "$folder/command"
linux.uml root=/dev/root rootfstype=hostfs rootflags=/ rw "init=$root/test/support/uml-init.sh" quiet con=null con0=fd:0,fd:1 \
  "mem=${IN_UML_MEMORY:-1536}M" "uml_dir=$folder/" "SEALANE_UML=$folder" </dev/null
exit "$(cat "$folder/exit-code" || echo 70)"
