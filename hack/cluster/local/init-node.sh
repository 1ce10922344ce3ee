#!/usr/bin/env bash
# Process 1 of a node's PID namespace, in network and mount namespaces of its own inside the cluster's.
# Makes the place look like a machine with nothing on it, then only reaps orphans.
# Arguments: the cluster's state folder and the node's name, by which this process is found again; the
# node's control group.
set -euo pipefail
node=$2
cgroup=$3

echo "$node" > /proc/sys/kernel/hostname
for folder in /var/lib /var/log; do
  mount -t tmpfs -o mode=755 tmpfs "$folder"
done
mkdir -p /var/lib/{containerd,kubelet,cni} /var/log/{pods,containers}
mount --bind "/run/state/nodes/$node/containerd" /var/lib/containerd
mount --bind "/run/state/nodes/$node/kubelet" /var/lib/kubelet
mount --bind "/run/state/logs/pods-$node" /var/log/pods
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/node /mnt/cdi /mnt/lock
mount --bind "/run/state/nodes/$node" /mnt/node
mount --no-mtab --move /mnt /run
mount --make-rshared /

# The kubelet sets these for the whole machine. Here it finds its values already in place, in files
# of the node, and the machine keeps its own.
while read -r setting value; do
  [ -e "/proc/sys/$setting" ] || continue
  mkdir -p "/run/sysctl/${setting%/*}"
  echo "$value" > "/run/sysctl/$setting"
  mount --bind "/run/sysctl/$setting" "/proc/sys/$setting"
done << 'SETTINGS'
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
SETTINGS

# Control groups are not namespaced, so each node has a subtree; version 1 has one in each hierarchy.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir -p "/sys/fs/cgroup$cgroup"
else
  for hierarchy in /sys/fs/cgroup/*/; do
    [ -e "${hierarchy}cgroup.procs" ] && [ ! -e "${hierarchy}cgroup.controllers" ] || continue
    mkdir -p "$hierarchy$cgroup"
    for folder in "$hierarchy${cgroup%/*}" "$hierarchy$cgroup"; do
      for file in cpuset.cpus cpuset.mems; do
        if [ -e "$folder/$file" ]; then cat "$hierarchy$file" > "$folder/$file"; fi
      done
    done
  done
fi

ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
touch /run/node/namespaces-ready

while :; do
  sleep infinity &
  wait $! || true
done
