#!/bin/sh
# Made once with OpenSSL 3.0.19; the files are kept, not made anew. All chains are valid on 2026-06-01 unless named otherwise.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

key() { # name
  [ -f "$work/$1.key" ] || openssl ecparam -genkey -noout -name P-256 -out "$work/$1.key"
}
# certify FILE SUBJECT KEY ISSUER-FILE ISSUER-KEY START END DIGEST, extensions on stdin; ISSUER-FILE "self" signs itself
certify() {
  cat > "$work/ext"
  key "$3"; key "$5"
  : > "$work/index"; rm -f "$work/index.attr"
  openssl rand -hex 16 | sed 's/^./4/' > "$work/serial"
  cat > "$work/ca.cnf" <<CNF
[ca]
default_ca = here
[here]
database = $work/index
serial = $work/serial
new_certs_dir = $work
unique_subject = no
policy = any
email_in_dn = no
[any]
commonName = optional
organizationName = optional
[req]
distinguished_name = dn
string_mask = utf8only
[dn]
CNF
  openssl req -new -utf8 -config "$work/ca.cnf" -key "$work/$3.key" -subj "$2" -multivalue-rdn -out "$work/csr" 2>/dev/null
  if [ "$4" = self ]; then by="-selfsign"; else by="-cert $4.crt"; fi
  openssl ca -batch -notext -preserveDN -config "$work/ca.cnf" -extfile "$work/ext" -in "$work/csr" $by \
    -keyfile "$work/$5.key" -startdate "$6" -enddate "$7" -md "$8" -out "$1.crt" 2>"$work/err" || { cat "$work/err"; exit 1; }
}
START=20260101000000Z END=20360101000000Z
ca() { printf 'basicConstraints=critical,CA:TRUE%s\nkeyUsage=critical,digitalSignature,keyCertSign\nsubjectKeyIdentifier=hash\n' "${1:-}"; }
leaf() { printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nsubjectAltName=DNS:leaf.example.org,IP:10.0.0.1,IP:2001:db8::1\n' "${1:-serverAuth}"; }

ca | certify root /CN=root root self root $START $END sha256
ca | certify root-other /CN=root other self other $START $END sha256                     # same name, another key
ca | certify root-renewed /CN=root root self root 20260201000000Z $END sha256             # same name and key
ca | certify root-expired /CN=root root self root 20160101000000Z 20260101000000Z sha256  # same name and key
leaf | certify leaf /CN=leaf leaf root root $START $END sha256
leaf | certify leaf-expired /CN=leaf leaf root root 20250101000000Z 20260601115959Z sha256
leaf | certify leaf-last-second /CN=leaf leaf root root 20250101000000Z 20260601120000Z sha256
leaf | certify leaf-future /CN=leaf leaf root root 20260601120001Z $END sha256
leaf clientAuth | certify leaf-client /CN=leaf leaf root root $START $END sha256
leaf anyExtendedKeyUsage | certify leaf-any /CN=leaf leaf root root $START $END sha256
leaf codeSigning | certify leaf-code /CN=leaf leaf root root $START $END sha256
printf 'basicConstraints=CA:FALSE\n' | certify leaf-bare /CN=leaf leaf root root $START $END sha256
{ leaf; printf '1.2.3.4=critical,ASN1:NULL\n'; } | certify leaf-unknown-critical /CN=leaf leaf root root $START $END sha256
{ leaf; printf '1.2.3.4=ASN1:NULL\n'; } | certify leaf-unknown /CN=leaf leaf root root $START $END sha256
leaf | certify leaf-sha1 /CN=leaf leaf root root $START $END sha1
leaf | certify leaf-sha384 /CN=leaf leaf root root $START $END sha384
leaf | certify leaf-sha512 /CN=leaf leaf root root $START $END sha512
# issuers that are none
leaf | certify not-ca /CN=not-ca notca root root $START $END sha256
leaf | certify leaf-under-not-ca /CN=leaf leaf not-ca notca $START $END sha256
printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature,cRLSign\n' | certify no-sign /CN=no-sign nosign root root $START $END sha256
leaf | certify leaf-under-no-sign /CN=leaf leaf no-sign nosign $START $END sha256
printf 'subjectKeyIdentifier=hash\n' | certify no-constraints /CN=no-constraints nocons root root $START $END sha256
leaf | certify leaf-under-no-constraints /CN=leaf leaf no-constraints nocons $START $END sha256
printf 'basicConstraints=critical,CA:TRUE\n' | certify no-usage /CN=no-usage nousage root root $START $END sha256
leaf | certify leaf-under-no-usage /CN=leaf leaf no-usage nousage $START $END sha256
# intermediates
ca ,pathlen:0 | certify inter /CN=inter inter root root $START $END sha256
leaf | certify leaf-under-inter /CN=leaf leaf inter inter $START $END sha256
ca | certify inter2 /CN=inter2 inter2 inter inter $START $END sha256
leaf | certify leaf-under-inter2 /CN=leaf leaf inter2 inter2 $START $END sha256
ca ,pathlen:1 | certify inter-one /CN=inter-one interone root root $START $END sha256
ca | certify inter-one-two /CN=inter-one-two interonetwo inter-one interone $START $END sha256
leaf | certify leaf-under-inter-one-two /CN=leaf leaf inter-one-two interonetwo $START $END sha256
ca | certify inter-expired /CN=inter inter root root 20160101000000Z 20260101000000Z sha256
ca | certify root2 /CN=root2 root2 self root2 $START $END sha256
ca | certify inter-cross /CN=inter inter root2 root2 $START $END sha256                    # inter's name and key
{ ca; printf '1.2.3.4=critical,ASN1:NULL\n'; } | certify inter-critical /CN=inter-critical intercrit root root $START $END sha256
leaf | certify leaf-under-inter-critical /CN=leaf leaf inter-critical intercrit $START $END sha256
{ ca; printf 'extendedKeyUsage=clientAuth\n'; } | certify inter-client /CN=inter-client interclient root root $START $END sha256
leaf serverAuth,clientAuth | certify leaf-under-inter-client /CN=leaf leaf inter-client interclient $START $END sha256
ca | certify inter-sha1 /CN=inter-sha1 intersha1 root root $START $END sha1
leaf | certify leaf-under-inter-sha1 /CN=leaf leaf inter-sha1 intersha1 $START $END sha256
{ ca; printf 'nameConstraints=critical,permitted;DNS:example.com\n'; } | certify inter-names /CN=inter-names internames root root $START $END sha256
leaf | certify leaf-under-inter-names /CN=leaf leaf inter-names internames $START $END sha256
# a signs b, b signs a
ca | certify loop-a-first /CN=loop-a loopa self loopa $START $END sha256
ca | certify loop-b /CN=loop-b loopb loop-a-first loopa $START $END sha256
ca | certify loop-a /CN=loop-a loopa loop-b loopb $START $END sha256
rm loop-a-first.crt
leaf | certify leaf-under-loop /CN=leaf leaf loop-a loopa $START $END sha256
# RSA
openssl genrsa -out "$work/rsaroot.key" 2048 2>/dev/null
openssl genrsa -out "$work/rsaleaf.key" 2048 2>/dev/null
ca | certify rsa-root /CN=rsa-root rsaroot self rsaroot $START $END sha256
leaf | certify rsa-leaf /CN=leaf rsaleaf rsa-root rsaroot $START $END sha256
leaf | certify rsa-leaf-sha1 /CN=leaf rsaleaf rsa-root rsaroot $START $END sha1
leaf | certify rsa-leaf-md5 /CN=leaf rsaleaf rsa-root rsaroot $START $END md5
# odd contents
leaf | certify odd-generalized-time /CN=leaf leaf root root $START 20600101000000Z sha256
leaf | certify odd-year-2049 /CN=leaf leaf root root $START 20491231235959Z sha256
leaf | certify odd-groups '/O=system:masters+O=a+O=dev_team+CN=jürgen@example.org' leaf root root $START $END sha256
leaf | certify odd-groups-rdns '/O=one/O=two/CN=first/CN=second' leaf root root $START $END sha256
leaf | certify odd-no-subject / leaf root root $START $END sha256
{ leaf | grep -v subjectAltName; printf 'subjectAltName='; i=0; while [ $i -lt 1000 ]; do printf 'DNS:host-%d.example.org,' $i; i=$((i+1)); done; printf 'IP:10.0.0.1\n'; } | certify odd-1000-names /CN=leaf leaf root root $START $END sha256
{ leaf | grep -v subjectAltName; printf 'subjectAltName=email:a@example.org,URI:https://example.org/,DNS:*.example.org,DNS:UPPER.example.org,IP:2001:db8:0:0:1:0:0:1,IP:2001:0:0:1::1,IP:::ffff:10.0.0.1,IP:::,otherName:1.2.3.4;UTF8:x,dirName:dir\n[dir]\nCN=x\n'; } | certify odd-names /CN=leaf leaf root root $START $END sha256
for n in ed25519; do openssl genpkey -algorithm ED25519 -out "$work/ed.key"; done
openssl req -x509 -new -key "$work/ed.key" -subj /CN=kubernetes -days 36500 -out ed25519-ca.crt
openssl ecparam -genkey -noout -name P-384 -out "$work/p384.key"
openssl req -x509 -new -key "$work/p384.key" -subj /CN=kubernetes -days 36500 -out p384-ca.crt
cp "$work/leaf.key" leaf.key; cp "$work/root.key" root.key; cp "$work/inter.key" inter.key
# A serial number below zero: -7
openssl req -new -key leaf.key -subj /CN=leaf -out "$work/csr"
openssl x509 -req -in "$work/csr" -CA root.crt -CAkey root.key -set_serial -7 -days 3650 -out odd-negative-serial.crt
openssl x509 -req -in "$work/csr" -CA root.crt -CAkey root.key -set_serial 0 -days 3650 -out odd-zero-serial.crt
# Strings of other types
for row in bmp:MASK:0x800 t61:MASK:0x4; do
  printf '[req]\ndistinguished_name=dn\nstring_mask=%s\n[dn]\n' "${row#*:}" > "$work/mask.cnf"
  openssl req -x509 -utf8 -new -config "$work/mask.cnf" -key leaf.key -subj '/O=group/CN=leaf' -days 3650 -out "odd-${row%%:*}-string.crt"
done
for file in rsa-root p384-ca ed25519-ca root; do
  printf '%s sha256:' $file.crt
  openssl x509 -in $file.crt -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 | sed 's/.*= *//'
done > pins.txt
