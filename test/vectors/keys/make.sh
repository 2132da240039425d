#!/bin/sh
# Made once with OpenSSL 3.0.19 (and OpenSSH's ssh-keygen where it says so); the files are kept, not made anew.
# None of these keys protects anything.
set -eu
cd "$(dirname "$0")"
for bits in 1024 2048 4096; do
  openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:$bits -out rsa-$bits.pkcs8.pem
  openssl rsa -in rsa-$bits.pkcs8.pem -traditional -out rsa-$bits.pkcs1.pem
  openssl pkey -in rsa-$bits.pkcs8.pem -pubout -out rsa-$bits.pub.pem
done
for curve in P-256 P-384 P-521; do
  name=$(echo $curve | tr -d - | tr P p)
  openssl ecparam -genkey -name $curve -out $name.parameters.pem        # EC PARAMETERS, then EC PRIVATE KEY
  openssl ec -in $name.parameters.pem -out $name.sec1.pem
  openssl pkey -in $name.parameters.pem -out $name.pkcs8.pem
  openssl pkey -in $name.parameters.pem -pubout -out $name.pub.pem
  openssl ec -in $name.parameters.pem -no_public -out $name.nopublic.pem
  openssl ec -in $name.parameters.pem -conv_form compressed -out $name.compressed.pem
  openssl ec -in $name.parameters.pem -param_enc explicit -out $name.explicit.pem
done
openssl ecparam -genkey -noout -name secp256k1 -out secp256k1.sec1.pem
for algorithm in ED25519 X25519 ED448; do
  openssl genpkey -algorithm $algorithm -out $(echo $algorithm | tr A-Z a-z).pkcs8.pem
done
openssl dsaparam -out dsa.params 1024
openssl gendsa -out dsa.pkcs8.pem dsa.params
openssl pkey -in dsa.pkcs8.pem -traditional -out dsa.traditional.pem
rm dsa.params
openssl pkcs8 -topk8 -in p256.sec1.pem -v2 aes-256-cbc -passout pass:secret -out encrypted.pkcs8.pem
openssl rsa -in rsa-2048.pkcs8.pem -traditional -aes256 -passout pass:secret -out encrypted.rsa.pem
openssl ec -in p256.sec1.pem -aes256 -passout pass:secret -out encrypted.sec1.pem
openssl genpkey -quiet -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out rsa-pss.pkcs8.pem
ssh-keygen -q -t ecdsa -N '' -C '' -f openssh.pem && rm openssh.pem.pub   # OpenSSH 9.2
