#!/bin/sh
# A board's own kernel from Debian's kernel source: what its configuration names, built in, and nothing else.
# usage: WORK=dir 15-kernel.sh CONFIG SOURCEPACKAGE     leaves $WORK/kernel/NAME/{Image,config,source}; keeps what is up to date
# The compiler is this machine's cross compiler (gcc-aarch64-linux-gnu). Times, user and host are fixed: the same source, the
# same configuration and the same compiler give the same kernel.
set -eu
here=$(cd "$(dirname "$0")" && pwd); . "$here/lib.sh"
[ $# = 2 ] || die "usage: 15-kernel.sh CONFIG SOURCEPACKAGE"
config=$(realpath "$1"); package=$2; name=$(basename "$config" .config); out=$WORK/kernel/$name
command -v aarch64-linux-gnu-gcc > /dev/null || die "no aarch64-linux-gnu-gcc here: run 'make deps-firmware'"
debs=$WORK/img-debs/kernel-source
ls "$debs/${package}"_*.deb > /dev/null 2>&1 && [ -z "${REFRESH:-}" ] || fetch_only "$TARGET_SUITE" arm64 "$debs" "$package"
deb=$(ls "$debs/${package}"_*.deb | sort -V | tail -n 1)
stamp=$( { basename "$deb"; aarch64-linux-gnu-gcc --version | head -n 1; cat "$config" "$0"; } | sha256sum | cut -d' ' -f1)
[ "$(cat "$out/stamp" 2>/dev/null)" != "$stamp" ] || { echo "kernel $name: up to date"; exit 0; }
build=$WORK/build/kernel-$name; rm -rf "$out"; mkdir -p "$out"
# The source stays unpacked, with its objects: a changed configuration compiles what it touches.
if [ "$(cat "$build/.unpacked" 2>/dev/null)" != "$(basename "$deb")" ]; then
  rm -rf "$build"; mkdir -p "$build"
  dpkg-deb --fsys-tarfile "$deb" | tar -x -O "./usr/src/$package.tar.xz" | tar -x -J -C "$build" --strip-components=1
  basename "$deb" > "$build/.unpacked"; fi
kmake() { $HEAVY make -s -C "$build" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=pbx KBUILD_BUILD_HOST=pbx \
  KBUILD_BUILD_VERSION=1 "$@"; }
kmake KCONFIG_ALLCONFIG="$config" allnoconfig
# A name that Linux does not know, or that lacks what it stands on, is a mistake in the configuration: it stops here.
wrong=$(grep -E '^CONFIG_[A-Z0-9_]+=' "$config" | while read -r line; do
  case $line in *=n) grep -q "^${line%=n}=" "$build/.config" && echo "$line" || :;; *) grep -qxF "$line" "$build/.config" || echo "$line";; esac; done)
[ -z "$wrong" ] || die "Linux does not take these lines of $config: $wrong"
kmake -j "$(nproc)" Image
cp "$build/arch/arm64/boot/Image" "$out/Image"; cp "$build/.config" "$out/config"; basename "$deb" > "$out/source"
echo "$stamp" > "$out/stamp"
echo "kernel $name: $(stat -c %s "$out/Image") bytes, from $(cat "$out/source")"
