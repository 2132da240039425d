// Issues leaves as tools/bench/workloads/leaves.ts does, with Go's own packages: leaves COUNT WARM-UPS
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"strconv"
	"time"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

var (
	notBefore = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	notAfter  = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	limit     = new(big.Int).Lsh(big.NewInt(1), 126)
)

func main() {
	count := must(strconv.Atoi(os.Args[1]))
	warmUps := must(strconv.Atoi(os.Args[2]))
	caKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber:          must(rand.Int(rand.Reader, limit)),
		Subject:               pkix.Name{CommonName: "kubernetes"},
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	ca := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, template, &caKey.PublicKey, caKey))))

	issue := func(index int) int {
		key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		der := must(x509.CreateCertificate(rand.Reader, &x509.Certificate{
			SerialNumber:          must(rand.Int(rand.Reader, limit)),
			Subject:               pkix.Name{Organization: []string{"system:nodes"}, CommonName: fmt.Sprintf("system:node:node-%d", index)},
			NotBefore:             notBefore,
			NotAfter:              notAfter,
			KeyUsage:              x509.KeyUsageDigitalSignature,
			ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
			BasicConstraintsValid: true,
		}, ca, &key.PublicKey, caKey))
		certificatePem := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		keyPem := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))})
		return len(certificatePem) + len(keyPem)
	}

	size := 0
	for index := 0; index < warmUps; index++ {
		size += issue(index)
	}
	begun := time.Now()
	for index := 0; index < count; index++ {
		size += issue(index)
	}
	fmt.Printf("%.6f", float64(time.Since(begun).Nanoseconds())/1e6)
	if size == 0 {
		os.Exit(1)
	}
}
