#!/bin/sh
# Made once with OpenSSL 3.0.19; the files are kept, not made anew. Keys are thrown away: a request needs its key only once.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/rsa.key" 2>/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/p256.key"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$work/p384.key"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out "$work/p521.key"
openssl genpkey -algorithm ED25519 -out "$work/ed25519.key"

# What a kubelet asks for (certificates.k8s.io, signer kubernetes.io/kubelet-serving).
openssl req -new -key "$work/p256.key" -subj '/O=system:nodes/CN=system:node:cp-1' \
  -addext 'subjectAltName=DNS:cp-1,IP:10.0.0.10,IP:2001:db8::10,email:a@example.org,URI:spiffe://example.org/cp-1' \
  -addext 'keyUsage=critical,digitalSignature' -addext 'extendedKeyUsage=serverAuth' -out kubelet.csr
openssl req -new -key "$work/rsa.key" -subj '/CN=plain' -out rsa.csr
openssl req -new -key "$work/rsa.key" -subj '/CN=pss' -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -out rsa-pss.csr
openssl req -new -sha384 -key "$work/p384.key" -subj '/CN=p384' -out p384.csr
openssl req -new -sha512 -key "$work/p521.key" -subj '/CN=p521' -out p521.csr
openssl req -new -key "$work/ed25519.key" -subj '/CN=ed25519' -out ed25519.csr
openssl req -new -sha1 -key "$work/p256.key" -subj '/CN=sha1' -out sha1.csr
openssl req -new -key "$work/p256.key" -subj '/CN=ca' -addext 'basicConstraints=critical,CA:TRUE,pathlen:3' -out ca.csr
openssl req -new -key "$work/p256.key" -subj '/' -addext 'subjectAltName=DNS:only-names' -out no-subject.csr
# An attribute beside the extensions.
printf '[req]\ndistinguished_name=dn\nattributes=attrs\nreq_extensions=ext\nprompt=no\n[dn]\nCN=challenge\n[attrs]\nchallengePassword=secret123\n[ext]\nsubjectAltName=DNS:a.example.org\n' >"$work/c.cnf"
openssl req -new -key "$work/p256.key" -config "$work/c.cnf" -out challenge.csr
# The last octet of the signature is another one.
openssl req -in kubelet.csr -outform DER -out "$work/k.der"
python3 -c 'import sys; d=bytearray(open(sys.argv[1],"rb").read()); d[-1]^=1; open(sys.argv[1],"wb").write(d)' "$work/k.der"
{ echo '-----BEGIN CERTIFICATE REQUEST-----'; base64 -w64 "$work/k.der"; echo '-----END CERTIFICATE REQUEST-----'; } >forged.csr
# A certificate with extensions that Kubernetes has no use for.
openssl req -x509 -key "$work/p256.key" -subj '/CN=further' -days 36500 -addext 'certificatePolicies=1.3.6.1.4.1.99999.1' \
  -addext 'crlDistributionPoints=URI:http://crl.example.org/ca.crl' \
  -addext 'authorityInfoAccess=OCSP;URI:http://ocsp.example.org' -addext '1.2.3.4=critical,ASN1:UTF8String:hi' -out further.crt
