#!/bin/sh
# Cross compiler (chroot with Debian's amd64 swiftlang) and Swift SDK for aarch64 Linux.
# usage: WORK=dir 10-toolchain.sh [DEV-PACKAGE...]      (extra arm64 -dev packages for the sysroot)
# No version is pinned: apt's candidate is taken, and amd64 and arm64 must carry the same Swift.
# SWIFT_VERSION=x selects an earlier pair kept in the cache (the archive itself drops old versions).
set -eu
here=$(cd "$(dirname "$0")" && pwd); . "$here/lib.sh"
DEV="libc6-dev linux-libc-dev libstdc++-14-dev libgcc-14-dev libssl-dev libsqlite3-dev libopus-dev zlib1g-dev libc-ares-dev $*"
TOOLS="dash bash coreutils sed grep findutils git ca-certificates libc6-dev libstdc++-14-dev"

if [ "${SWIFT_VERSION:-}" ]; then
  v=$SWIFT_VERSION; [ -e "$CACHE/pairs/$v/complete" ] || die "no pair $v in the cache; there are: $(ls "$CACHE/pairs" 2>/dev/null | tr '\n' ' ')"
else
  va=$(candidate "$CROSS_SUITE" amd64 swiftlang); vt=$(candidate "$CROSS_SUITE" arm64 swiftlang)
  [ "$va" ] && [ "$vt" ] || die "$CROSS_SUITE has no swiftlang for $([ "$va" ] && echo arm64 || echo amd64); try CROSS_SUITE=another, or SWIFT_VERSION= one of: $(ls "$CACHE/pairs" 2>/dev/null | tr '\n' ' ')"
  [ "${va%%-*}" = "${vt%%-*}" ] || die "$CROSS_SUITE has swiftlang $va for amd64 but $vt for arm64. A compiler only imports modules of its own version: wait until both are built, or set SWIFT_VERSION= one of: $(ls "$CACHE/pairs" 2>/dev/null | tr '\n' ' ')"
  v=$va; pair=$CACHE/pairs/$v
  [ "$va" = "$vt" ] || echo "note: same Swift, different package builds: amd64 $va, arm64 $vt"
  if [ ! -e "$pair/complete" ]; then
    fetch "$CROSS_SUITE" amd64 "$pair/amd64" "swiftlang=$va" "libswiftlang=$va" $TOOLS
    fetch_only "$CROSS_SUITE" arm64 "$pair/arm64" "swiftlang=$vt" "libswiftlang=$vt"
    touch "$pair/complete"; fi
fi
pair=$CACHE/pairs/$v; echo "swiftlang $v"
fetch "$TARGET_SUITE" arm64 "$WORK/debs/sysroot" $DEV

# --- the chroot: packages unpacked, not configured (nothing in it runs but the compiler, the linker and git)
if [ "$(cat "$CHROOT/.version" 2>/dev/null)" != "$v" ]; then
  rm -rf "$CHROOT"; mkdir -p "$CHROOT/proc" "$CHROOT/dev" "$CHROOT/root" "$CHROOT/etc" "$CHROOT/sdk" "$CHROOT/src" "$CHROOT/build"
  mkdir -m 1777 "$CHROOT/tmp"
  # left out: debugger, editor support, sanitizers, static and embedded libraries, documentation (1.4 of 2.9 GB)
  UNPACK_OPTS="--exclude=./usr/libexec/swift/bin/lldb* --exclude=./usr/libexec/swift/bin/clangd --exclude=./usr/libexec/swift/bin/sourcekit-lsp
   --exclude=./usr/libexec/swift/bin/wasmkit --exclude=./usr/libexec/swift/lib/liblldb* --exclude=./usr/libexec/swift/lib/libsourcekitdInProc.so
   --exclude=./usr/libexec/swift/lib/libLTO* --exclude=./usr/libexec/swift/lib/swift/embedded --exclude=./usr/libexec/swift/lib/swift_static
   --exclude=./usr/share/doc --exclude=./usr/share/locale --exclude=./usr/share/man" \
  $HEAVY sh -c '. "$1/lib.sh"; shift; unpack "$@"' sh "$here" "$CHROOT" "$pair"/amd64/*.deb
  [ -e "$CHROOT/usr/bin/sh" ] || ln -s dash "$CHROOT/usr/bin/sh"
  echo root:x:0:0:root:/root:/bin/sh > "$CHROOT/etc/passwd"; echo root:x:0: > "$CHROOT/etc/group"
  cat "$CHROOT"/usr/share/ca-certificates/mozilla/*.crt > "$CHROOT/etc/ssl/certs/ca-certificates.crt"
  [ -z "$(ls "$CHROOT"/lib64 2>/dev/null)" ] && mkdir -p "$CHROOT/usr/lib64" && ln -sfn usr/lib64 "$CHROOT/lib64"
  ld=$(cd "$CHROOT" && ls usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2); ln -sf "/$ld" "$CHROOT/usr/lib64/ld-linux-x86-64.so.2"
  ln -sf ../libexec/swift/bin/swift "$CHROOT/usr/bin/swift"   # what the package's postinst would do
  ldconfig -r "$CHROOT" 2>/dev/null || :
  unshare -m sh -c 'mount -t proc proc "$1/proc"; chroot "$1" /usr/bin/env -i HOME=/root PATH=/usr/bin swift --version' sh "$CHROOT" 2>/dev/null | grep -i 'swift version' || die "the compiler in $CHROOT does not run"
  echo "$v" > "$CHROOT/.version"
fi

# --- the SDK bundle; it stays when nothing of it has changed
sdk_stamp=$( { echo "$v"; (cd "$WORK/debs/sysroot" && ls *.deb); cat "$0"; } | sha256sum)
if [ "$(cat "$SDK/.stamp" 2>/dev/null)" = "$sdk_stamp" ]; then echo "SDK: up to date"; exit 0; fi
b=$SDK/swift-debian-arm64.artifactbundle; rm -rf "$b"; mkdir -p "$SYSROOT"
UNPACK_OPTS="--exclude=./usr/share" unpack "$SYSROOT" "$WORK"/debs/sysroot/*.deb
# only the target resources out of the (large) arm64 compiler package; then the run-time libraries
dpkg-deb --fsys-tarfile "$(ls "$pair"/arm64/swiftlang_*.deb)" | tar -x -C "$SYSROOT" --wildcards \
   './usr/libexec/swift/lib/swift/*' './usr/libexec/swift/lib/clang/*/include/*' \
   './usr/libexec/swift/lib/clang/*/lib/linux/libclang_rt.builtins*' './usr/libexec/swift/lib/clang/*/lib/linux/clang_rt.crt*' \
   --exclude='*/embedded/*' --exclude='*/migrator/*' --exclude='*/FrameworkABIBaseline/*' --exclude='*.swiftdoc'
dpkg-deb --fsys-tarfile "$(ls "$pair"/arm64/libswiftlang_*.deb)" | tar -x -C "$SYSROOT" --wildcards './usr/libexec/swift/lib/swift/linux/*'
ln -s ../libexec/swift/lib/swift "$SYSROOT/usr/lib/swift"; ln -s ../libexec/swift/lib/clang "$SYSROOT/usr/lib/clang"
# Debian ships the Testing+Foundation overlay module but not its library: drop the overlay
rm -rf "$SYSROOT"/usr/libexec/swift/lib/swift/linux/Testing.swiftcrossimport "$SYSROOT"/usr/libexec/swift/lib/swift/linux/_Testing_Foundation.swiftmodule
printf '%s\n' '{"schemaVersion":"1.0","artifacts":{"debian-arm64":{"type":"swiftSDK","version":"1","variants":[{"path":"debian-arm64"}]}}}' > "$b/info.json"
cat > "$b/debian-arm64/swift-sdk.json" <<J
{"schemaVersion":"4.0","targetTriples":{"$TRIPLE":{
  "sdkRootPath":"$TRIPLE/sysroot","swiftResourcesPath":"$TRIPLE/sysroot/usr/libexec/swift/lib/swift",
  "toolsetPaths":["toolset.json"]}}}
J
printf '%s\n' '{"schemaVersion":"1.0","swiftCompiler":{"extraCLIOptions":["-use-ld=lld"]}}' > "$b/debian-arm64/toolset.json"
echo "$sdk_stamp" > "$SDK/.stamp"
du -sh "$CHROOT" "$SDK" "$CACHE" | sed "s|$WORK/||"
