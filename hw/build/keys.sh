#!/bin/sh
# Keys for signing updates during development: an authority that images trust, a signer below it, and a stranger for tests.
# A vendor keeps the authority's key in an HSM and never on a build machine. usage: keys.sh DIR   (keeps what is there)
set -eu
mkdir -p "$1"; cd "$1"; umask 077
[ ! -e signer.pem ] || exit 0
authority() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -subj "/O=Development/CN=$2" -days 7300 2>/dev/null; }
signer() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/O=Development/CN=$3" 2>/dev/null
  printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n' > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 3650 -extfile "$1.ext" -out "$1.pem" 2>/dev/null; rm -f "$1.csr" "$1.ext"; }
authority ca "Update authority"; signer signer ca "Update signer"; authority otherca "Another authority"; signer stranger otherca "Stranger"
