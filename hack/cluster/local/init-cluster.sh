#!/usr/bin/env bash
# Process 1 of a cluster's PID namespace, in network and mount namespaces of its own.
# Makes the place ready for the control plane, then only reaps orphans, which bash does by itself.
# Arguments: the cluster's state folder (also how this process is found again), its name.
set -euo pipefail
state=$1
name=$2

echo "$name" > /proc/sys/kernel/hostname
# The new /run is put together elsewhere and moved there, as the state folder may lie in the old one.
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/state /mnt/lock
mount --bind "$state" /mnt/state
mount --no-mtab --move /mnt /run

ip link set lo up
ip address add 198.18.255.1/32 dev lo
echo 1 > /proc/sys/net/ipv4/ip_forward
touch /run/state/control-plane/namespaces-ready

while :; do
  sleep infinity &
  wait $! || true
done
