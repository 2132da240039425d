import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkCertificate } from '../../lib/audit/check-certificate.js'
import { refusalOf } from '../../lib/audit/refusal.js'
import { type Finding, RULES } from '../../lib/audit/rules.js'
import { EncodingError } from '../../lib/errors.js'
import { formatCertificate, parseCertificate } from '../../lib/x509/certificate.js'
import { pem } from '../inspect/der.js'
import { NOW } from '../support/context.js'
import { remake } from '../support/remake.js'
import { testWith } from '../support/skip.js'
import { inTempDir } from '../support/temp.js'
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
      [broken.rule],
    )
    assert.ok(findings[0]?.field, 'no field')
  })
}

// OpenSSL as a TLS server asks it of a client: curl, Python and Node.js do no less. Python since 3.13 is strict.
const TLS = ['-purpose', 'sslclient', '-auth_level', '2', '-attime', String(Math.floor(NOW.getTime() / 1000) + 3600)]

testWith(
  'openssl',
  test,
  'OpenSSL refuses what is said to be refused, and takes the rest; so does its strict mode',
  inTempDir(async dir => {
    const verify = ({ of, changes }: Pick<Broken, 'of' | 'changes'>, ...flags: readonly string[]): string => {
      const certificate = pem(remake(wells[of].der, keyPem, changes))
      writeFileSync(`${dir}/ca.pem`, of === 'ca' ? certificate : formatCertificate(wells.ca))
      writeFileSync(`${dir}/leaf.pem`, of === 'ca' ? formatCertificate(wells.leaf) : certificate)
      const files = ['-CAfile', `${dir}/ca.pem`, `${dir}/leaf.pem`]
      const { status, stderr } = spawnSync('openssl', ['verify', ...TLS, ...flags, ...files], { encoding: 'utf8' })
      return status === 0 ? '' : stderr
    }
    assert.is(verify({ of: 'leaf', changes: {} }, '-x509_strict'), '')
    for (const broken of BROKEN) {
      const { rule, about, strict, always = false } = broken
      const what = `${rule}: ${about}`
      const said = verify(broken, '-x509_strict')
      if (strict) {
        assert.match(said, strict, what)
        assert.is(verify(broken) !== '', always, what)
      }
      // What a verifier of today refuses is at least a warning; an error is refused by Go, and may be by others.
      if (said === '') assert.not.ok(strict, what)
      else assert.ok(strict ? RULES[rule].severity !== 'info' : RULES[rule].severity === 'error', `${what}: ${said}`)
    }
  }),
)

test.run()
