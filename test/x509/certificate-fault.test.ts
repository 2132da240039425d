import { Buffer } from 'node:buffer'
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { EncodingError, KpkiError } from '../../lib/errors.js'
import { parseCertificate } from '../../lib/x509/certificate.js'
import { element, extension, nameOf, oid, sequence } from '../inspect/der.js'
import { remake, withExtension } from '../support/remake.js'
import { testWith } from '../support/skip.js'
import { inTempDir } from '../support/temp.js'
import { vectorDer } from '../vectors/read.js'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
const well = vectorDer('x509/leaf.crt')
const made = (changes: Parameters<typeof remake>[2]) => remake(well, keyPem, changes)

function refusal(der: Uint8Array): EncodingError {
  try {
    parseCertificate(der)
  } catch (error) {
    if (error instanceof EncodingError) return error
    throw error
  }
  throw new Error('it was read')
}

// Where openssl asn1parse finds the octet, see below; the fields of RFC 5280 section 4.1.
const DER: readonly (readonly [about: string, der: Buffer, field: string | undefined, problem: RegExp])[] = [
  ['a padded serial number', made({ serial: element(2, Buffer.from([0, 1])) }), 'serialNumber', /INTEGER .* needless/],
  ['an empty serial number', made({ serial: element(2, Buffer.alloc(0)) }), 'serialNumber', /INTEGER/],
  [
    'a BOOLEAN of 01',
    made({
      extensions: () => [sequence(oid('2.5.29.19'), element(1, Buffer.from([1])), element(4, sequence()))],
    }),
    'extensions',
    /BOOLEAN/,
  ],
  ['a SET without its bit', made({ subject: sequence(element(0x11, sequence())) }), 'subject', /SET/],
  ['a length in two octets too many', made({ issuer: Buffer.from([0x30, 0x81, 0x00]) }), 'issuer', /shortest form/],
  ['an indefinite length', made({ subject: Buffer.from([0x30, 0x80, 0, 0]) }), 'subject', /BER/],
  [
    'unused bits that are set',
    made({
      extensions: withExtension(extension('2.5.29.99', element(5, ''))),
      spki: sequence(sequence(oid('1.2.3')), element(3, Buffer.from([7, 1]))),
    }),
    'subjectPublicKeyInfo',
    /BIT STRING/,
  ],
  [
    'an identifier that is cut off',
    made({ spki: sequence(sequence(element(6, Buffer.from([0x81]))), element(3, Buffer.from([0]))) }),
    'subjectPublicKeyInfo',
    /OBJECT IDENTIFIER/,
  ],
  [
    'a signature with nine unused bits',
    sequence(sequence(), sequence(), element(3, Buffer.from([9, 0]))),
    'signatureValue',
    /BIT STRING/,
  ],
  ['octets behind its end', Buffer.concat([well, Buffer.from('\n')]), undefined, /1 more follow/],
  ['a certificate that is cut off', Buffer.from(well.subarray(0, 100)), undefined, /cut off/],
]

for (const [about, der, field, problem] of DER) {
  test(`${about}: the octet and the field are named`, () => {
    const { code, message, details } = refusal(der)
    assert.is(code, 'KPKI_DER_INVALID')
    assert.match(message, problem)
    assert.match(message, `at octet ${details['offset']}, `)
    if (field !== undefined) assert.is(details['field'], field)
  })
}

test('the octet is where the element begins', () => {
  const serial = element(2, Buffer.from([0, 1]))
  const der = made({ serial })
  assert.is(refusal(der).details['offset'], der.indexOf(serial))
})

const FAULTS: readonly (readonly [about: string, der: Buffer, fault: string, field: string])[] = [
  [
    'an extension twice',
    made({ extensions: list => [...list, ...list.filter(each => each.oid === '2.5.29.15')].map(({ bytes }) => bytes) }),
    'extension-twice',
    'keyUsage',
  ],
  [
    'an unknown extension twice',
    made({ extensions: () => [1, 2].map(number => extension('1.2.3', element(2, Buffer.from([number])))) }),
    'extension-twice',
    '1.2.3',
  ],
  [
    'a name in Latin-1',
    made({ extensions: withExtension(extension('2.5.29.17', sequence(element(0x82, Buffer.from([0xe4]))))) }),
    'extension-malformed',
    'subjectAltName',
  ],
  [
    'a negative path length',
    made({
      extensions: withExtension(
        extension('2.5.29.19', sequence(element(1, Buffer.from([255])), element(2, Buffer.from([255])))),
      ),
    }),
    'extension-malformed',
    'basicConstraints',
  ],
  ['an issuer in a strange string', made({ issuer: nameOf('a', 26) }), 'subject-malformed', 'issuer'],
  ['a date that there is not', made({ notBefore: element(23, '260931000000Z') }), 'time-malformed', 'validity'],
  [
    'a key that is none',
    made({ spki: sequence(sequence(oid('1.2.840.113549.1.1.1'))) }),
    'key-unusable',
    'subjectPublicKeyInfo',
  ],
]
for (const [about, der, fault, field] of FAULTS) {
  test(`${about}: ${fault}`, () => {
    const { details } = refusal(der)
    assert.is(details['fault'], fault)
    assert.is(details['field'], field)
  })
}

testWith(
  'openssl',
  test,
  'what openssl writes beside certificates is called by its name',
  inTempDir(async dir => {
    const run = (...args: readonly string[]) => {
      const { status, stderr } = spawnSync('openssl', args, { cwd: dir, encoding: 'utf8' })
      assert.is(status, 0, stderr)
    }
    writeFileSync(`${dir}/key.pem`, keyPem)
    run('req', '-x509', '-new', '-key', 'key.pem', '-subj', '/CN=a', '-out', 'a.pem')
    run('pkcs12', '-export', '-in', 'a.pem', '-inkey', 'key.pem', '-passout', 'pass:SECRET', '-out', 'a.p12')
    run('crl2pkcs7', '-nocrl', '-certfile', 'a.pem', '-outform', 'DER', '-out', 'a.p7b')
    run('pkcs8', '-topk8', '-nocrypt', '-in', 'key.pem', '-outform', 'DER', '-out', 'key.der')
    run('genrsa', '-traditional', '-out', 'rsa.pem', '2048')
    run('rsa', '-in', 'rsa.pem', '-traditional', '-outform', 'DER', '-out', 'rsa.der')
    for (const [file, form] of [
      ['a.p12', 'PKCS #12 store'],
      ['a.p7b', 'PKCS #7 bundle'],
      ['key.der', 'private key'],
      ['rsa.der', 'private key'],
    ]) {
      const { message } = refusal(readFileSync(`${dir}/${file}`))
      assert.match(message, `it is a ${form}`)
    }
  }),
)

test('whatever is changed in a certificate, it is read or refused in one line', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(well.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
      fc.nat(well.length),
      (changes, cut) => {
        const der = Buffer.from(well.subarray(0, cut % 4 === 0 ? cut : well.length))
        for (const [at, value] of changes) if (at < der.length) der[at] = value
        try {
          parseCertificate(der)
        } catch (error) {
          assert.instance(error, KpkiError)
          assert.not.match((error as KpkiError).message, '\n')
        }
      },
    ),
    { numRuns: 2000 },
  )
})

test.run()
