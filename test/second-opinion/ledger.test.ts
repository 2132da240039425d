/** Every line of the ledger against the certificate that it is about, as openssl prints it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type LedgerEntry, parseLedger } from '../../lib/index.js'
import { testWith } from '../support/skip.js'
import { openssl, scratch } from './openssl.js'
import { makeTree } from './trees.js'

const dir = scratch()

/** `subject=`, `serial=` and so on, as openssl prints them. */
async function factsOf(pem: string, issuerPem: string): Promise<Readonly<Record<string, string>>> {
  const [file, issuer] = [join(dir, 'a.crt'), join(dir, 'issuer.crt')]
  writeFileSync(file, pem)
  writeFileSync(issuer, issuerPem)
  const options = [
    '-noout',
    '-serial',
    '-subject',
    '-issuer',
    '-dates',
    '-fingerprint',
    '-sha256',
    '-nameopt',
    'RFC2253,sep_comma_plus_space,-dn_rev',
  ]
  const { stdout } = await openssl('x509', '-in', file, '-dateopt', 'iso_8601', ...options)
  const facts = Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map(line => {
        const at = line.indexOf('=')
        return [line.slice(0, at).toLowerCase(), line.slice(at + 1)]
      }),
  )
  const names = (await openssl('x509', '-in', file, '-noout', '-ext', 'subjectAltName,extendedKeyUsage')).stdout
  const key = join(dir, 'key.pem')
  writeFileSync(key, (await openssl('x509', '-in', issuer, '-noout', '-pubkey')).stdout)
  const spki = join(dir, 'key.der')
  await openssl('pkey', '-pubin', '-in', key, '-outform', 'DER', '-out', spki)
  const hash = (await openssl('dgst', '-sha256', '-r', spki)).stdout.slice(0, 64)
  return { ...facts, names, hash }
}

const iso = (moment: Date) => moment.toISOString().replace('T', ' ').replace('.000', '')

testWith('openssl', test, 'each certificate of a tree has one line, which says what openssl says', async () => {
  const files = await makeTree({
    nodeName: 'cp-1',
    advertiseAddress: '10.0.0.10',
    controlPlaneEndpoint: 'api.example.org',
    encryptionAlgorithm: 'ECDSA-P256',
  })
  const { entries, problems } = parseLedger(files.get('pki/issued.jsonl') ?? '')
  assert.equal(problems, [])
  const pems = new Map<string, string>()
  for (const [path, text] of files) {
    if (path.endsWith('.crt')) pems.set(path.replace(/^pki\/|\.crt$/g, '').replace('/', '-'), text)
    const data = /client-certificate-data: (\S+)/.exec(text)?.[1]
    if (path.endsWith('.conf') && data) pems.set(path, Buffer.from(data, 'base64').toString())
  }
  assert.is(pems.size, 15)
  assert.equal(entries.map(({ purpose }) => purpose).sort(), [...pems.keys()].sort())
  const ca = (entry: LedgerEntry) =>
    pems.get(entry.issuer.subject === 'CN=kubernetes' ? 'ca' : entry.issuer.subject.slice('CN='.length)) ?? ''
  for (const entry of entries) {
    const facts = await factsOf(pems.get(entry.purpose) ?? '', ca(entry))
    assert.is(BigInt(`0x${entry.serialNumber}`), BigInt(`0x${facts['serial']}`), entry.purpose)
    assert.is(entry.subject, facts['subject'], entry.purpose)
    assert.is(entry.issuer.subject, facts['issuer'], entry.purpose)
    assert.is(entry.issuer.publicKeyHash, facts['hash'], entry.purpose)
    assert.is(iso(entry.notBefore), facts['notbefore'], entry.purpose)
    assert.is(iso(entry.notAfter), facts['notafter'], entry.purpose)
    assert.is(entry.fingerprint, facts['sha256 fingerprint']?.replaceAll(':', '').toLowerCase(), entry.purpose)
    const names = [...(facts['names'] ?? '').matchAll(/(DNS|IP Address):([^,\s]+)/g)].map(([, , name]) => name)
    assert.is(names.length, entry.dnsNames.length + entry.ipAddresses.length, entry.purpose)
    for (const name of entry.dnsNames) assert.ok(names.includes(name), name)
    const usages = { clientAuth: 'TLS Web Client Authentication', serverAuth: 'TLS Web Server Authentication' }
    for (const [usage, words] of Object.entries(usages))
      assert.is(
        entry.extKeyUsages?.includes(usage) ?? false,
        facts['names']?.includes(words),
        `${entry.purpose} ${usage}`,
      )
    assert.is(entry.user, /CN=([^,]*)/.exec(facts['subject'] ?? '')?.[1])
    assert.equal(
      entry.groups,
      [...(facts['subject'] ?? '').matchAll(/\bO=([^,]*)/g)].map(([, group]) => group),
    )
  }
})

test.run()
