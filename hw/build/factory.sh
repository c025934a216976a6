#!/bin/sh
# One board's factory partition: serial number, device key, certificate, and the hash of the label's code, as a squashfs that
# the board mounts read-only. The code itself is printed once, for the type plate; it is kept nowhere.
# usage: factory.sh OUT.img SERIAL MODEL PKIDIR PBXCTL        PBXCTL: the program, or a command that runs it
set -eu
[ $# = 5 ] || { echo "usage: factory.sh OUT.img SERIAL MODEL PKIDIR PBXCTL" >&2; exit 64; }
out=$1 serial=$2 model=$3 pki=$4 pbxctl=$5
t=$(mktemp -d); trap 'rm -rf "$t"' EXIT
[ -e "$pki/root.pem" ] || $pbxctl pki dev --dir "$pki"
$pbxctl factory init --hal "$t" --serial "$serial" --model "$model" --pki "$pki" --label
chown -R 900:900 "$t/factory"; rm -f "$out"
mksquashfs "$t/factory" "$out" -noappend -quiet -no-progress -no-xattrs > /dev/null
echo "factory partition of $serial: $out, $(stat -c %s "$out") bytes"
