#!/bin/sh
# Cross-builds programs of a Swift package for arm64. Stripped programs land in $WORK/out/bin, their debug symbols in
# $WORK/out/debug/<build id>.debug (where gdb and lldb look for them by that name), the list of build ids beside them.
# usage: WORK=dir 20-build.sh PACKAGEDIR PRODUCT...     SWIFT_FLAGS: further arguments of swift build; CONFIG: release or debug
#        WORK=dir 20-build.sh PACKAGEDIR --tests        test bundles instead, not stripped
# The package is seen as /src and the build directory as /build whatever they are called outside: the programs hold no path
# of this machine. The mounts live in a private mount namespace; nothing is left mounted.
set -eu
here=$(cd "$(dirname "$0")" && pwd); . "$here/lib.sh"
[ $# -ge 2 ] || die "usage: 20-build.sh PACKAGEDIR PRODUCT..."
pkg=$(cd "$1" && pwd); shift
[ -e "$SDK/swift-debian-arm64.artifactbundle/info.json" ] || die "no SDK below $WORK: run 10-toolchain.sh first"
conf=${CONFIG:-release}; scratch=$WORK/build/${SCRATCH_NAME:-product}; mkdir -p "$scratch" "$WORK/out/bin" "$WORK/out/debug"
# The compiler sees a copy below WORK whose unchanged files stay as they are: a fresh clone does not begin anew.
python3 "$here/mirror.py" "$pkg" "$WORK/src/${SCRATCH_NAME:-product}"; pkg=$WORK/src/${SCRATCH_NAME:-product}
# git's address rewrites of this host (a local mirror of the packages), if there are any, hold in the chroot too
git config --get-regexp '^url\..*\.insteadof$' | sed 's/^url\.\(.*\)\.insteadof \(.*\)/\1 \2/' > "$scratch/.rewrites" || :
sed -n 's|^\(/[^ ]*\) .*|\1|p' "$scratch/.rewrites" | sort -u > "$scratch/.mirrors"
{ while read -r to from; do printf '[url "%s"]\n\tinsteadOf = %s\n' "$to" "$from"; done < "$scratch/.rewrites"
  printf '[safe]\n\tdirectory = *\n'; } > "$CHROOT/root/.gitconfig"
swift() { # ARG... of swift build
  $HEAVY unshare -m sh -eu -c '
    c=$1 sdk=$2 pkg=$3 scr=$4; shift 4
    mount -t proc proc "$c/proc"; mount --bind /dev "$c/dev"
    mount --bind "$sdk" "$c/sdk"; mount --bind "$pkg" "$c/src"; mount --bind "$scr" "$c/build"
    cp /etc/resolv.conf "$c/etc/resolv.conf" 2>/dev/null || :
    while read -r m; do mkdir -p "$c$m"; mount --bind "$m" "$c$m"; done < "$scr/.mirrors"
    exec chroot "$c" /usr/bin/env -i HOME=/root PATH=/usr/bin:/bin LANG=C.UTF-8 \
      swift build --package-path /src --scratch-path /build --swift-sdks-path /sdk --swift-sdk debian-arm64 --disable-sandbox "$@"' \
    sh "$CHROOT" "$SDK" "$pkg" "$scratch" "$@"; }
objcopy() { chroot "$CHROOT" /usr/libexec/swift/bin/llvm-objcopy "$@"; }
if [ "$1" = --tests ]; then
  swift -c debug --build-tests ${SWIFT_FLAGS:-}; ls "$scratch/$TRIPLE"/debug/*.xctest; exit; fi
: > "$WORK/out/build-ids"
for product in "$@"; do
  swift -c "$conf" --product "$product" -Xlinker --build-id=sha1 ${SWIFT_FLAGS:-}
  cp "$scratch/$TRIPLE/$conf/$product" "$CHROOT/tmp/in"
  id=$(readelf -n "$CHROOT/tmp/in" | sed -n 's/.*Build ID: //p'); [ "$id" ] || die "$product has no build id"
  objcopy --only-keep-debug /tmp/in /tmp/symbols; objcopy --strip-all /tmp/in /tmp/out
  mv "$CHROOT/tmp/symbols" "$WORK/out/debug/$id.debug"; mv "$CHROOT/tmp/out" "$WORK/out/bin/$product"; rm -f "$CHROOT/tmp/in"
  echo "$product $id" >> "$WORK/out/build-ids"
  echo "$product: $(stat -c %s "$scratch/$TRIPLE/$conf/$product") bytes, $(stat -c %s "$WORK/out/bin/$product") stripped, build id $id"
done
