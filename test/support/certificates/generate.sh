#!/bin/sh
# Makes the certificates of the tests anew: an authority with a host and a proxy, and a stranger of another authority.
set -eu
cd "$(dirname "$0")"
authority() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj "/CN=$1" -keyout "$1.key" -out "$1.pem"; }
signed() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
  printf 'subjectAltName=DNS:localhost,DNS:%s,IP:127.0.0.1' "$1" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 36500 -extfile "$1.ext" -out "$1.pem"
  rm "$1.csr" "$1.ext"
}
authority authority
authority other-authority
signed host authority
signed proxy authority
signed stranger other-authority
rm -f authority.key other-authority.key ./*.srl
