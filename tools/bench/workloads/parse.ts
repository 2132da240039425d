// Reads one certificate many times and prints milliseconds: node parse.mjs kpki|node|peculiar URL FILE COUNT WARM-UPS
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'

const [reader = '', url = '', file = '', count, warmUps] = process.argv.slice(2)
const pem = readFileSync(file, 'utf8')
const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')

/** Every reader is asked for the same facts: names, numbers, dates, alternative names, usages, key. */
const READERS: Readonly<Record<string, () => Promise<() => readonly unknown[]>>> = {
  kpki: async () => {
    const { parseCertificate } = (await import(url)) as typeof import('../../../lib/index.js')
    return () => {
      const { subject, issuer, serialNumber, notBefore, notAfter, dnsNames, ipAddresses, extKeyUsages, publicKey } =
        parseCertificate(der)
      return [
        subject.text,
        issuer.text,
        serialNumber,
        notBefore,
        notAfter,
        dnsNames,
        ipAddresses,
        extKeyUsages,
        publicKey,
      ]
    }
  },
  node: async () => () => {
    const read = new X509Certificate(der)
    return [
      read.subject,
      read.issuer,
      read.serialNumber,
      new Date(read.validFrom),
      new Date(read.validTo),
      read.subjectAltName,
      read.keyUsage,
      read.publicKey.asymmetricKeyType,
    ]
  },
  peculiar: async () => {
    const x509 = (await import(url)) as typeof import('@peculiar/x509')
    return () => {
      const read = new x509.X509Certificate(der)
      return [
        read.subject,
        read.issuer,
        read.serialNumber,
        read.notBefore,
        read.notAfter,
        read.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON(),
        read.getExtension(x509.ExtendedKeyUsageExtension)?.usages,
        read.getExtension(x509.KeyUsagesExtension)?.usages,
        read.publicKey.algorithm,
      ]
    }
  },
}

const read = await READERS[reader]?.()
if (!read) throw new Error(`no reader ${reader}`)
let facts = 0
for (let index = 0; index < Number(warmUps); index++) facts += read().length
const begun = performance.now()
for (let index = 0; index < Number(count); index++) facts += read().length
process.stdout.write(String(performance.now() - begun))
if (facts === 0) process.exitCode = 1
