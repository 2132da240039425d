/** Which names a certificate is good for, by Go's own table (golang/go, src/crypto/x509/x509_test.go, matchHostnamesTests). */
import { X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { serverNames } from '../../lib/host/server-identity.js'
import { isForServer } from '../../lib/x509/server-names.js'
import { TestCa } from '../support/lying-server.js'

const ROWS: readonly (readonly [pattern: string, host: string, isFor: boolean])[] = [
  ['a.b.c', 'a.b.c', true],
  ['a.b.c', 'b.b.c', false],
  ['', 'b.b.c', false],
  ['a.b.c', '', false],
  ['example.com', 'example.com', true],
  ['example.com', 'www.example.com', false],
  ['*.example.com', 'example.com', false],
  ['*.example.com', 'www.example.com', true],
  ['*.example.com', 'www.example.com.', true],
  ['*.example.com', 'xyz.www.example.com', false],
  ['*.example.com', 'https://www.example.com', false],
  ['*.example..com', 'www.example..com', false],
  ['www.example..com', 'www.example..com', true],
  ['*.*.example.com', 'xyz.www.example.com', false],
  ['*.www.*.com', 'xyz.www.example.com', false],
  ['*bar.example.com', 'foobar.example.com', false],
  ['f*.example.com', 'foobar.example.com', false],
  ['www.example.com', '*.example.com', false],
  ['', '.', false],
  ['.', '', false],
  ['.', '.', false],
  ['example.com', 'example.com.', true],
  ['example.com.', 'example.com', false],
  ['example.com.', 'example.com.', true],
  // Ours.
  ['EXAMPLE.COM', 'example.com', true],
  ['*.com', 'example.com', true],
  ['*', 'localhost', false],
  ['a_b.c', 'a_b.c', true],
  ['10.0.0.1', '10.0.0.1', false],
  // The Kelvin sign is no K.
  ['kubernetes', '\u212aubernetes', false],
]
for (const [pattern, host, isFor] of ROWS)
  test(`${pattern} and ${host}`, () => assert.is(isForServer({ dns: [pattern], ips: [] }, host), isFor))

test('names are read of a certificate, and only from its alternative names', async () => {
  const ca = await TestCa.create()
  const read = async (dnsNames: readonly string[], ipAddresses: readonly string[]) => {
    const { cert } = await ca.issue({ commonName: 'common', dnsNames, ipAddresses })
    const { dns, ips } = serverNames(new X509Certificate(cert))
    return { dns, ips: ips.map(({ text }) => text) }
  }
  const names = { dns: ['cp-1', '*.example.org'], ips: ['10.0.0.1', 'fd00::1', '::1'] }
  assert.equal(await read(names.dns, names.ips), names)
  assert.equal(await read([], []), { dns: [], ips: [] })
})

test('names that are made to be read as others', () => {
  // As Node writes a name that holds ", DNS:evil" (CVE-2021-44532), and other kinds of names.
  const certificate = (subjectAltName: string) => ({ subjectAltName }) as X509Certificate
  const { dns, ips } = serverNames(
    certificate(
      'DNS:"a, DNS:evil, IP Address:10.0.0.1", DNS:good, URI:"https://x, DNS:evil", email:x@y, IP Address:<invalid>',
    ),
  )
  assert.equal({ dns, ips }, { dns: ['good'], ips: [] })
})

test.run()
