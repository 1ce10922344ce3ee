#!/bin/sh
# finish.sh ROOT TAR: completes a folder of extracted Debian packages and packs it.
# Adds the few files maintainer scripts would have written and takes away what only people and
# package managers read. Licences (copyright files) stay.
set -eu
root=$1
tar=$2

echo 'root:x:0:0:root:/root:/sbin/nologin
nonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin' >"$root/etc/passwd"
echo 'root:x:0:
nonroot:x:65532:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
if [ -d "$root/usr/share/ca-certificates" ]; then
  mkdir -p "$root/etc/ssl/certs"
  find "$root/usr/share/ca-certificates" -name '*.crt' -print0 | sort -z | xargs -0 cat \
    >"$root/etc/ssl/certs/ca-certificates.crt"
fi

# The building machine's own name and resolver, lent to maintainer scripts, and its device nodes.
rm -rf "$root/etc/hostname" "$root/etc/resolv.conf" "$root/etc/fstab" "$root/dev"
# Working files of dpkg and apt. var/lib/dpkg/status stays: image scanners read it.
rm -rf "$root/etc/apt" "$root/var/cache" "$root/var/log" "$root/var/lib/apt" \
  "$root/var/lib/dpkg/info" "$root"/var/lib/dpkg/*-old "$root"/var/lib/dpkg/lock*
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/doc" -type d -empty -delete
rm -rf "$root/usr/share/man" "$root/usr/share/locale" "$root/usr/share/info" \
  "$root/usr/share/bash-completion" "$root/usr/share/perl5"
# Character set tables for iconv(), which neither program calls.
rm -rf "$root"/usr/lib/*/gconv
mkdir -p "$root/tmp" "$root/proc" "$root/sys" "$root/dev" "$root/run"
chmod 1777 "$root/tmp"

# The same packages give the same bytes, hence the same layer.
tar --create --file "$tar" --directory "$root" --sort=name --mtime=@0 --numeric-owner .
