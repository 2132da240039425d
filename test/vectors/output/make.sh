#!/bin/sh
# Made once with OpenSSL 3.0.19; the files are kept, not made anew. What a document of output needs to show every field.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A curve that no browser knows: who signed it can be guessed, but not checked.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:secp256k1 -nodes -keyout "$work/odd.key" -out odd-curve.crt \
  -days 36500 -subj /CN=odd 2>/dev/null
# A request that asks for everything that one can ask for, and its key in a file of two parts.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/wide.key" -out wide.csr \
  -subj /O=developers/CN=jane -addext basicConstraints=critical,CA:TRUE,pathlen:1 -addext keyUsage=critical,keyCertSign \
  -addext extendedKeyUsage=clientAuth -addext subjectAltName=DNS:a.example.org,IP:192.0.2.1,email:jane@example.org 2>/dev/null
cat wide.csr "$work/wide.key" > wide.pem
rm wide.csr
# A block of a kind that is not read, behind one that is.
openssl dhparam -out "$work/dh.pem" 512 2>/dev/null
cat odd-curve.crt "$work/dh.pem" > parameters.pem
