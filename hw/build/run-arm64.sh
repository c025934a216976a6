#!/bin/sh
# Runs a cross-built program on this machine, under qemu-user, with the libraries of the sysroot. usage: WORK=dir run-arm64.sh PROGRAM [ARG...]
set -eu
here=$(cd "$(dirname "$0")" && pwd); . "$here/lib.sh"
[ $# -ge 1 ] || die "usage: run-arm64.sh PROGRAM [ARG...]"
f=$1; shift; case $f in */*) ;; *) f=$WORK/out/bin/$f;; esac
exec qemu-aarch64-static -L "$SYSROOT" -E "LD_LIBRARY_PATH=$SYSROOT/usr/libexec/swift/lib/swift/linux:$SYSROOT/usr/lib/$MULTIARCH" "$f" "$@"
