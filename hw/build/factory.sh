#!/bin/sh
# One board's factory partition: serial number, device key, certificate, and the hash of the label's code, as a squashfs that
# the board mounts read-only. The code itself is printed once, for the type plate; it is kept nowhere.
# usage: factory.sh OUT.img SERIAL MODEL PKIDIR PBXCTL [TPMKEY TPMPUBLIC]      PBXCTL: the program, or a command that runs it
# TPMKEY is a key that the board's own TPM has made (`openssl genpkey -provider tpm2 -algorithm EC -pkeyopt group:P-256`), TPMPUBLIC its
# public half: only that TPM can use it. Without them the key is made here and lies in the partition as a file.
set -eu
[ $# = 5 ] || [ $# = 7 ] || { echo "usage: factory.sh OUT.img SERIAL MODEL PKIDIR PBXCTL [TPMKEY TPMPUBLIC]" >&2; exit 64; }
out=$1 serial=$2 model=$3 pki=$4 pbxctl=$5
t=$(mktemp -d); trap 'rm -rf "$t"' EXIT
[ -e "$pki/root.pem" ] || $pbxctl pki dev --dir "$pki"
$pbxctl factory init --hal "$t" --serial "$serial" --model "$model" --pki "$pki" --label ${6:+--tpm-key "$6" --tpm-public-key "$7"}
chown -R 900:900 "$t/factory"; rm -f "$out"
mksquashfs "$t/factory" "$out" -noappend -quiet -no-progress -no-xattrs > /dev/null
echo "factory partition of $serial: $out, $(stat -c %s "$out") bytes"
