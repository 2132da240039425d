import { readFile } from 'node:fs/promises'
import tls from 'node:tls'

/** Where Linux distributions keep the CAs that they trust; the first that is there. @see golang/go go1.15, src/crypto/x509/root_linux.go */
const ROOT_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

let roots: Promise<readonly string[]> | undefined

/** PEM of the CAs that this host trusts; where it keeps none, those that Node brings. */
export function hostRoots(): Promise<readonly string[]> {
  roots ??= readRoots()
  return roots
}

async function readRoots(): Promise<readonly string[]> {
  for (const path of ROOT_FILES) {
    const text = await readFile(path, 'utf8').catch(() => '')
    if (text.includes('-----BEGIN CERTIFICATE-----')) return [text]
  }
  return tls.rootCertificates
}
