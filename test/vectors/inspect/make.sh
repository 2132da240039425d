#!/bin/sh
# Made once with OpenSSL 3.0.x and the keys of ../x509; the files are kept, not made anew.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
x=../x509
cat > "$work/req.cnf" <<CNF
[req]
distinguished_name = dn
req_extensions = ext
[dn]
[ext]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = clientAuth
subjectAltName = DNS:node.example.org,IP:10.0.0.7,email:a@example.org
CNF
openssl req -new -config "$work/req.cnf" -key $x/leaf.key -subj /O=system:nodes/CN=system:node:w-1 -out request.csr
openssl req -new -newhdr -config "$work/req.cnf" -key $x/leaf.key -subj /CN=new -out request-new.csr
openssl req -in request.csr -outform der -out request.der
# Signed by nobody: the last octet of the signature is another one.
openssl req -in request.csr -outform der | python3 -c 'import sys; b=bytearray(sys.stdin.buffer.read()); b[-1]^=1; sys.stdout.buffer.write(b)' > "$work/bad.der"
openssl req -in "$work/bad.der" -inform der -out request-bad.csr
openssl x509 -in $x/root.crt -outform der -out root.der
openssl x509 -in $x/leaf.crt -addtrust clientAuth -trustout -out trusted.pem
sed 's/ CERTIFICATE/ X509 CERTIFICATE/' $x/leaf.crt > x509-label.pem
openssl pkey -in $x/leaf.key -pubout -out leaf.pub
openssl pkey -in $x/leaf.key -outform der -out leaf-key.der
openssl rsa -in ../keys/rsa-2048.pkcs1.pem -RSAPublicKey_out -out rsa-2048.pkcs1.pub
openssl crl2pkcs7 -nocrl -certfile $x/leaf.crt -out bundle.p7b
openssl crl2pkcs7 -nocrl -certfile $x/leaf.crt -outform der -out bundle.p7.der
openssl pkcs12 -export -in $x/leaf.crt -inkey $x/leaf.key -passout pass:x -out store.p12
openssl x509 -in $x/root.crt -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr 'A-F' 'a-f' > root.sha256
# A server certificate without any name that clients look at.
cat > "$work/server.ext" <<EXT
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
EXT
openssl x509 -req -in request-new.csr -CA $x/root.crt -CAkey $x/root.key -set_serial 0x4d00000000000000 -days 3650 -extfile "$work/server.ext" -out nameless-server.crt
openssl genrsa -out "$work/short.key" 1024 2>/dev/null
openssl req -x509 -new -key "$work/short.key" -subj /CN=short -days 3650 -out short.crt
