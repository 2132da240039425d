import { Buffer } from 'node:buffer'
import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkCertificate } from '../../lib/audit/check-certificate.js'
import { refusalOf } from '../../lib/audit/refusal.js'
import { type Finding, RULES, type RuleId } from '../../lib/audit/rules.js'
import { EncodingError } from '../../lib/errors.js'
import { formatCertificate, parseCertificate } from '../../lib/x509/certificate.js'
import { element, extension, nameOf, oid, pem, sequence } from '../inspect/der.js'
import { NOW } from '../support/context.js'
import { type Remake, remake, withExtension } from '../support/remake.js'
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

test('what a root signs itself with is of no interest', () => {
  assert.equal(findingsOf(remake(wells.ca.der, keyPem, { algorithm: 'SHA-1' })), [])
})

test('a CA has a name, whatever else it is called', () => {
  const name = extension('2.5.29.17', sequence(element(0x82, 'a.example.org')), true)
  const der = remake(wells.ca.der, keyPem, {
    subject: sequence(),
    issuer: sequence(),
    extensions: withExtension(name),
  })
  assert.equal(
    findingsOf(der).map(({ code }) => code),
    ['subject-empty'],
  )
})

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

// Whatever somebody puts into a certificate, of the size that a file may have.
const many = Array.from({ length: 10_000 }, (_, number) => element(0x82, `h${number}.example.org`))
const nasty = Array.from({ length: 10_000 }, () => element(0x82, '*..-'))
const wide = 'x'.repeat(500_000)
const HOSTILE: readonly (readonly [about: string, changes: Remake, codes: readonly RuleId[]])[] = [
  ['10,000 names', { extensions: withExtension(extension('2.5.29.17', sequence(...many))) }, []],
  [
    '10,000 times one name that is none',
    { extensions: withExtension(extension('2.5.29.17', sequence(...nasty))) },
    ['name-malformed', 'names-twice'],
  ],
  [
    'a name of half a megabyte',
    { extensions: withExtension(extension('2.5.29.17', sequence(element(0x82, wide)))) },
    ['name-malformed'],
  ],
  [
    'dots of half a megabyte',
    { extensions: withExtension(extension('2.5.29.17', sequence(element(0x82, '.'.repeat(500_000))))) },
    ['name-malformed'],
  ],
  ['a serial number of half a megabyte', { serial: element(2, Buffer.alloc(500_000, 1)) }, ['serial-long']],
  ['a common name of half a megabyte', { subject: nameOf(wide) }, ['subject-long']],
  [
    'ten thousand organizations',
    {
      subject: sequence(
        ...Array.from({ length: 4000 }, () => element(0x31, sequence(oid('2.5.4.10'), element(30, '\0a')))),
      ),
    },
    ['string-type'],
  ],
  [
    'a thousand critical extensions',
    {
      extensions: list => [
        ...list.map(({ bytes }) => bytes),
        ...Array.from({ length: 1000 }, (_, number) => extension(`1.2.${number}`, element(5, ''), true)),
      ],
    },
    ['extension-unknown'],
  ],
  [
    'an RSA key of a megabit',
    {
      spki: sequence(
        sequence(oid('1.2.840.113549.1.1.1'), element(5, '')),
        element(
          3,
          Buffer.concat([
            Buffer.from([0]),
            sequence(element(2, Buffer.alloc(125_000, 0x55)), element(2, Buffer.alloc(125_000, 0x55))),
          ]),
        ),
      ),
    },
    ['key-unusable'],
  ],
]
for (const [what, changes, codes] of HOSTILE) {
  test(`${what}: told in time, and in a line`, () => {
    const certificate = parseCertificate(remake(wells.leaf.der, keyPem, changes))
    const start = performance.now()
    const findings = checkCertificate(certificate, about)
    assert.ok(performance.now() - start < 1000)
    assert.equal(
      findings.map(({ code }) => code),
      codes,
    )
    for (const { message, expected = '', actual = '' } of findings)
      for (const text of [message, expected, actual]) {
        assert.ok(text.length < 500, `${text.length} characters`)
        assert.not.match(text, /\p{Cc}/u)
      }
  })
}

test.run()
