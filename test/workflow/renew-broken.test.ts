/** Whatever is wrong with a certificate that is there, it can be renewed, and what comes out is better. */
import { Buffer } from 'node:buffer'
import { X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RuleId } from '../../lib/audit/rules.js'
import { checkTree } from '../../lib/inspect/check-tree.js'
import { renew } from '../../lib/workflow/renew.js'
import { parseCertificate } from '../../lib/x509/certificate.js'
import { BROKEN } from '../audit/breaks/certificates.js'
import { certificateIn, context, put, read, wellTree } from '../audit/tree.js'
import { element, extension, pem, sequence } from '../inspect/der.js'
import { NOW, rejects } from '../support/context.js'
import { remake, withExtension } from '../support/remake.js'

const PATH = 'pki/front-proxy-client.crt'

/** What a renewal leaves as it was found, because it may be meant. */
const STAYS: readonly RuleId[] = [
  'subject-empty',
  'subject-long',
  'string-type',
  'names-twice',
  'name-malformed',
  'ext-usage-any',
]

function isRead(der: Uint8Array): boolean {
  try {
    parseCertificate(der)
    return true
  } catch {
    return false
  }
}

/** One of each rule: what else breaks it is mended by the same. */
const told = new Set<RuleId>()
for (const { rule, about, of, changes } of BROKEN) {
  if (of !== 'leaf' || (told.has(rule) && rule !== 'name-empty')) continue
  told.add(rule)
  test(`${rule}: ${about}`, async () => {
    const store = wellTree()
    const der = remake(certificateIn(store, PATH).der, read(store, 'pki/front-proxy-ca.key'), changes)
    put(store, PATH, pem(der))
    if (!isRead(der)) {
      // Nobody knows what it said.
      const refused = await rejects(renew(store, ['front-proxy-client'], {}, context))
      assert.is(refused.code, 'KPKI_PLAN_BLOCKED')
      return
    }
    await renew(store, ['front-proxy-client'], {}, context)
    const { findings } = await checkTree(store, {}, context)
    const codes = findings.filter(({ row }) => row === 'front-proxy-client').map(({ code }) => code)
    if (STAYS.includes(rule)) assert.ok(codes.includes(rule), codes.join(', '))
    else
      assert.equal(
        codes.filter(code => code === rule),
        [],
      )
    const renewed = new X509Certificate(read(store, PATH))
    assert.ok(renewed.checkIssued(new X509Certificate(read(store, 'pki/front-proxy-ca.crt'))))
    assert.ok(new Date(renewed.validTo) > NOW)
  })
}

test('names that nobody asks for stay, and an empty one does not', async () => {
  const store = wellTree()
  const names = ['a.example.org.', 'a b', 'a..b', '', '*.*.x']
  const alternative = extension('2.5.29.17', sequence(...names.map(name => element(0x82, Buffer.from(name)))))
  const der = remake(certificateIn(store, PATH).der, read(store, 'pki/front-proxy-ca.key'), {
    extensions: withExtension(alternative),
  })
  put(store, PATH, pem(der))
  await renew(store, ['front-proxy-client'], {}, context)
  assert.equal(certificateIn(store, PATH).dnsNames, names.filter(Boolean))
})

test.run()
