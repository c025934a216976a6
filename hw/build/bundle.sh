#!/bin/sh
# A signed update bundle (RAUC, verity format) of an image: root file system with its hashes, and kernel slot. Both always
# travel together: an installation that broke off may have left half of one in the other slot.
# usage: bundle.sh IMAGEDIR OUT.raucb CERTIFICATE KEY [COMPATIBLE] [VERSION]    the last two replace the image's own, for tests
set -eu
[ $# -ge 4 ] || { echo "usage: bundle.sh IMAGEDIR OUT.raucb CERTIFICATE KEY [COMPATIBLE] [VERSION]" >&2; exit 64; }
d=$1 out=$2 cert=$3 key=$4
field() { sed -n "s/^$1=//p" "$d/rootfs/etc/pbx/release"; }
compatible=${5:-$(field compatible)} version=${6:-$(field version)}
b=$(mktemp -d); trap 'rm -rf "$b"' EXIT
cp "$d/rootfs.img" "$d/kernel.img" "$b/"
printf '[update]\ncompatible=%s\nversion=%s\n[bundle]\nformat=verity\n[image.rootfs]\nfilename=rootfs.img\n[image.kernel]\nfilename=kernel.img\n' \
  "$compatible" "$version" > "$b/manifest.raucm"
rm -f "$out"; rauc --cert="$cert" --key="$key" bundle "$b" "$out" > "$b.log" 2>&1 || { cat "$b.log" >&2; rm -f "$b.log"; exit 1; }
rm -f "$b.log"; echo "$out: $compatible $version, $(stat -c %s "$out") bytes"
