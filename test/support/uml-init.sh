#!/bin/sh
# The first process of a user-mode kernel (test/support/uml.ts boots it, with the host's files as its root): mounts what a Linux has, loads the
# modules that the tests need, runs the command in $SEALANE_UML/command, leaves its exit code beside it, and powers off.
# What of the host is written to: $SEALANE_UML, and whatever the command writes outside /run.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
stty -opost -echo
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mount -t tmpfs mnt /mnt
mkdir -p /run/netns /run/tmp /run/home /mnt/lib

# Modules are looked for in DIR/lib/modules, which on the host has none of this kernel's; nothing is written there.
ln -s /usr/lib/uml/modules /mnt/lib/modules
printf '#!/bin/sh\nexec modprobe -d /mnt "$@"\n' > /mnt/modprobe
chmod +x /mnt/modprobe
echo /mnt/modprobe > /proc/sys/kernel/modprobe
# Those that nothing asks for in time. SCTP comes with the first socket: from then on the kernel answers what tests may want to answer themselves.
/mnt/modprobe -a ipv6 dummy veth bridge ip_vs nf_conntrack_netlink ip_set xt_set xt_ipvs \
  ip_tables ip6_tables iptable_nat ip6table_nat iptable_filter ip6table_filter
sysctl -q net.ipv6.conf.default.accept_dad=0
ip link set lo up

sh "$SEALANE_UML/command"
echo $? > "$SEALANE_UML/exit-code"
sync
echo o > /proc/sysrq-trigger
# Powering off happens beside this process, and the kernel panics when its first process ends.
sleep 60
