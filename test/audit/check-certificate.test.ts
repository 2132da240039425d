import { X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkCertificate } from '../../lib/audit/check-certificate.js'
import { refusalOf } from '../../lib/audit/refusal.js'
import type { Finding } from '../../lib/audit/rules.js'
import { EncodingError } from '../../lib/errors.js'
import { parseCertificate } from '../../lib/x509/certificate.js'
import { remake } from '../support/remake.js'
import { BROKEN, type Broken } from './breaks/certificates.js'
import { certificateIn, read, wellTree } from './tree.js'

const store = wellTree()
const keyPem = read(store, 'pki/front-proxy-ca.key')
const wells = {
  leaf: certificateIn(store, 'pki/front-proxy-client.crt'),
  ca: certificateIn(store, 'pki/front-proxy-ca.crt'),
}
const about = { row: 'front-proxy-client', path: 'pki/front-proxy-client.crt', part: '2nd certificate' } as const

/** Findings of a certificate; of one that is not read, what says why. */
function findingsOf(der: Uint8Array): readonly Pick<Finding, 'code' | 'field' | 'expected' | 'actual'>[] {
  try {
    return checkCertificate(parseCertificate(der), about)
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error
    const { code, details } = refusalOf(error)
    return [{ code, ...details }]
  }
}
const made = ({ of, changes }: Broken) => remake(wells[of].der, keyPem, changes)

test('what it is made over from is well, and is well when nothing is different', () => {
  for (const of of ['leaf', 'ca'] as const) {
    assert.equal(checkCertificate(wells[of], about), [])
    assert.equal(findingsOf(remake(wells[of].der, keyPem, {})), [])
    assert.ok(
      new X509Certificate(remake(wells[of].der, keyPem, {})).verify(new X509Certificate(wells.ca.der).publicKey),
    )
  }
})

for (const broken of BROKEN) {
  test(`${broken.rule}: ${broken.about}`, () => {
    const findings = findingsOf(made(broken))
    assert.equal(
      findings.map(({ code }) => code),
      [broken.rule, ...(broken.also ?? [])],
    )
    assert.ok(findings[0]?.field, 'no field')
  })
}

test.run()
