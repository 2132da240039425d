import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VerifyError } from '../../lib/errors.js'
import { type Certificate, parseCertificates } from '../../lib/x509/certificate.js'
import type { ExtKeyUsage } from '../../lib/x509/extensions.js'
import { verifySigned } from '../../lib/x509/signature.js'
import { canSign, outsideValidity, verifyCertificate } from '../../lib/x509/verify.js'
import { element, oid, sequence } from '../inspect/der.js'
import { rejects, testContext } from '../support/context.js'
import { vector } from '../vectors/read.js'

const get = (name: string): Certificate => parseCertificates(vector(`x509/${name}.crt`), name)[0]

interface Case {
  readonly leaf: string
  readonly roots?: readonly string[]
  readonly intermediates?: readonly string[]
  readonly usages?: readonly ExtKeyUsage[]
}
const verify = ({ leaf, roots = ['root'], intermediates = [], usages = [] }: Case, moment?: string) =>
  verifyCertificate(
    get(leaf),
    { roots: roots.map(get), intermediates: intermediates.map(get), usages },
    moment === undefined ? testContext() : testContext({ clock: () => new Date(moment) }),
  )

// The clock stands at 2026-06-01T12:00:00Z.
const GOOD: readonly (readonly [string, Case, readonly string[]])[] = [
  ['a leaf under its root', { leaf: 'leaf' }, ['leaf', 'root']],
  ['the right one of two roots', { leaf: 'leaf', roots: ['root2', 'root'] }, ['leaf', 'root']],
  ['a root of the same name with another key first', { leaf: 'leaf', roots: ['root-other', 'root'] }, ['leaf', 'root']],
  ['a root that was made anew with the same key', { leaf: 'leaf', roots: ['root-renewed'] }, ['leaf', 'root']],
  // A CA that was renewed with its key: Go tries every candidate (crypto/x509 verify.go, buildChains).
  [
    'an expired root first, its renewal second',
    { leaf: 'leaf', roots: ['root-expired', 'root-renewed'] },
    ['leaf', 'root'],
  ],
  ['its last second', { leaf: 'leaf-last-second' }, ['leaf', 'root']],
  ['a leaf as its own trust anchor', { leaf: 'leaf', roots: ['leaf'] }, ['leaf']],
  ['a root by itself', { leaf: 'root' }, ['root']],
  ['an intermediate as trust anchor', { leaf: 'leaf-under-inter', roots: ['inter'] }, ['leaf', 'inter']],
  ['one intermediate', { leaf: 'leaf-under-inter', intermediates: ['inter'] }, ['leaf', 'inter', 'root']],
  [
    'intermediates in any order, and strangers',
    { leaf: 'leaf-under-inter-one-two', intermediates: ['inter2', 'inter-one-two', 'leaf', 'inter-one'] },
    ['leaf', 'inter-one-two', 'inter-one', 'root'],
  ],
  [
    'the root among the intermediates',
    { leaf: 'leaf-under-inter', intermediates: ['root', 'inter'] },
    ['leaf', 'inter', 'root'],
  ],
  [
    'cross-signed, first way',
    { leaf: 'leaf-under-inter', intermediates: ['inter', 'inter-cross'] },
    ['leaf', 'inter', 'root'],
  ],
  [
    'cross-signed, second way',
    { leaf: 'leaf-under-inter', intermediates: ['inter-cross'], roots: ['root2'] },
    ['leaf', 'inter', 'root2'],
  ],
  [
    'cross-signed, the dead end first',
    { leaf: 'leaf-under-inter', intermediates: ['inter-cross', 'inter'] },
    ['leaf', 'inter', 'root'],
  ],
  [
    'an expired intermediate first, a valid one of the same key second',
    { leaf: 'leaf-under-inter', intermediates: ['inter-expired', 'inter'] },
    ['leaf', 'inter', 'root'],
  ],
  [
    'a CA without key usage may sign',
    { leaf: 'leaf-under-no-usage', intermediates: ['no-usage'] },
    ['leaf', 'no-usage', 'root'],
  ],
  ['an unknown extension that is not critical', { leaf: 'leaf-unknown' }, ['leaf', 'root']],
  ['made for it', { leaf: 'leaf', usages: ['serverAuth'] }, ['leaf', 'root']],
  ['made for anything', { leaf: 'leaf-any', usages: ['serverAuth', 'clientAuth'] }, ['leaf', 'root']],
  ['made for nothing in particular', { leaf: 'leaf-bare', usages: ['serverAuth', 'clientAuth'] }, ['leaf', 'root']],
  ['RSA', { leaf: 'rsa-leaf', roots: ['rsa-root'] }, ['leaf', 'rsa-root']],
  ['SHA-384', { leaf: 'leaf-sha384' }, ['leaf', 'root']],
  ['SHA-512', { leaf: 'leaf-sha512' }, ['leaf', 'root']],
  ['dates beyond 2050', { leaf: 'odd-generalized-time' }, ['leaf', 'root']],
]
for (const [name, given, chain] of GOOD) {
  test(`trusted: ${name}`, async () => {
    const found = await verify(given).then(
      list => list.map(({ subject }) => subject.commonName),
      error => String(error),
    )
    assert.equal(found, [...chain])
  })
}

const BAD: readonly (readonly [string, Case])[] = [
  ['no roots', { leaf: 'leaf', roots: [] }],
  ['another root', { leaf: 'leaf', roots: ['root2'] }],
  ['a root of the same name with another key', { leaf: 'leaf', roots: ['root-other'] }],
  ['the leaf expired a second ago', { leaf: 'leaf-expired' }],
  ['the leaf is valid from the next second on', { leaf: 'leaf-future' }],
  ['the root expired', { leaf: 'leaf', roots: ['root-expired'] }],
  ['an expired leaf as its own trust anchor', { leaf: 'leaf-expired', roots: ['leaf-expired'] }],
  ['the intermediate expired', { leaf: 'leaf-under-inter', intermediates: ['inter-expired'] }],
  ['the intermediate is missing', { leaf: 'leaf-under-inter' }],
  ['a leaf under a leaf', { leaf: 'leaf-under-not-ca', intermediates: ['not-ca'] }],
  ['a leaf under a leaf that is trusted', { leaf: 'leaf-under-not-ca', roots: ['not-ca'] }],
  ['a CA without keyCertSign', { leaf: 'leaf-under-no-sign', intermediates: ['no-sign'] }],
  ['a CA without keyCertSign that is trusted', { leaf: 'leaf-under-no-sign', roots: ['no-sign'] }],
  ['an issuer without basicConstraints', { leaf: 'leaf-under-no-constraints', intermediates: ['no-constraints'] }],
  ['a chain longer than pathLenConstraint 0', { leaf: 'leaf-under-inter2', intermediates: ['inter', 'inter2'] }],
  [
    'the same with the constrained CA as trust anchor',
    { leaf: 'leaf-under-inter2', intermediates: ['inter2'], roots: ['inter'] },
  ],
  ['an unknown critical extension in the leaf', { leaf: 'leaf-unknown-critical' }],
  [
    'an unknown critical extension in the leaf that is trusted itself',
    { leaf: 'leaf-unknown-critical', roots: ['leaf-unknown-critical'] },
  ],
  [
    'an unknown critical extension in an intermediate',
    { leaf: 'leaf-under-inter-critical', intermediates: ['inter-critical'] },
  ],
  ['an unknown critical extension in a trust anchor', { leaf: 'leaf-under-inter-critical', roots: ['inter-critical'] }],
  [
    'critical name constraints, which are not understood',
    { leaf: 'leaf-under-inter-names', intermediates: ['inter-names'] },
  ],
  ['a circle', { leaf: 'leaf-under-loop', intermediates: ['loop-a', 'loop-b'] }],
  ['made for clients', { leaf: 'leaf-client', usages: ['serverAuth'] }],
  ['made for one of two', { leaf: 'leaf', usages: ['serverAuth', 'clientAuth'] }],
  ['made for something else', { leaf: 'leaf-code', usages: ['serverAuth'] }],
  // Go: InsecureAlgorithmError. OpenSSL takes them at its security level 0.
  ['signed with SHA-1 (ECDSA)', { leaf: 'leaf-sha1' }],
  ['signed with SHA-1 (RSA)', { leaf: 'rsa-leaf-sha1', roots: ['rsa-root'] }],
  ['signed with MD5', { leaf: 'rsa-leaf-md5', roots: ['rsa-root'] }],
  ['an intermediate signed with SHA-1', { leaf: 'leaf-under-inter-sha1', intermediates: ['inter-sha1'] }],
  // Go nests extended key usages (crypto/x509 verify.go, checkChainForKeyUsage); OpenSSL -purpose sslserver agrees.
  [
    'an intermediate made for clients above a server',
    { leaf: 'leaf-under-inter-client', intermediates: ['inter-client'], usages: ['serverAuth'] },
  ],
]
for (const [name, given] of BAD) {
  test(`not trusted: ${name}`, async () => {
    const error = await rejects(verify(given))
    assert.is(error.code, 'KPKI_CHAIN_INVALID')
    assert.instance(error, VerifyError)
  })
}

test('a usage that the intermediate allows is good below it', async () => {
  const chain = await verify({
    leaf: 'leaf-under-inter-client',
    intermediates: ['inter-client'],
    usages: ['clientAuth'],
  })
  assert.is(chain.length, 3)
})

test('the moment is the one of the context', async () => {
  await verify({ leaf: 'leaf-expired' }, '2026-06-01T11:59:59Z')
  await verify({ leaf: 'leaf-future' }, '2026-06-01T12:00:01Z')
  assert.is((await rejects(verify({ leaf: 'leaf' }, '2036-01-01T00:00:01Z'))).code, 'KPKI_CHAIN_INVALID')
})

test('a changed signature, and a changed body, are noticed', async () => {
  const { parseCertificate } = await import('../../lib/x509/certificate.js')
  const { der } = get('leaf')
  const last = der.map((byte, index) => (index === der.length - 1 ? byte ^ 1 : byte))
  const at = Buffer.from(der).indexOf('leaf.example.org')
  const name = der.map((byte, index) => (index === at ? byte ^ 1 : byte))
  for (const changed of [last, name]) {
    const error = await rejects(verifyCertificate(parseCertificate(changed), { roots: [get('root')] }, testContext()))
    assert.is(error.code, 'KPKI_CHAIN_INVALID')
  }
})

test('errors name the subject, or what they are told to', async () => {
  const plain = await rejects(verify({ leaf: 'leaf-expired' }))
  assert.match(plain.message, 'CN=leaf')
  const named = await rejects(
    verifyCertificate(get('leaf-expired'), { roots: [get('root')], what: 'pki/x.crt' }, testContext()),
  )
  assert.is(named.details['what'], 'pki/x.crt')
  assert.match(named.message, 'pki/x.crt')
})

test('thousands of candidates of the right name do not take long', async () => {
  const others = new Array<Certificate>(300).fill(get('root-other'))
  const start = performance.now()
  await verifyCertificate(get('leaf'), { roots: [...others, get('root')] }, testContext())
  assert.ok(performance.now() - start < 5000)
})

test('both ends of a period count as valid', () => {
  const leaf = get('leaf')
  assert.is(outsideValidity(leaf, leaf.notBefore), undefined)
  assert.is(outsideValidity(leaf, leaf.notAfter), undefined)
  assert.type(outsideValidity(leaf, new Date(leaf.notBefore.getTime() - 1)), 'string')
  assert.type(outsideValidity(leaf, new Date(leaf.notAfter.getTime() + 1)), 'string')
})

for (const [name, expected] of [
  ['root', true],
  ['inter', true],
  ['no-usage', true],
  ['leaf', false],
  ['no-sign', false],
  ['no-constraints', false],
] as const)
  test(`${name} ${expected ? 'may' : 'may not'} sign`, () => assert.is(canSign(get(name)), expected))

test('a signature that cannot be read, under a key that cannot be: no promise is left behind', async () => {
  const failures: unknown[] = []
  const note = (reason: unknown) => void failures.push(reason)
  process.on('unhandledRejection', note)
  try {
    // RFC 5480 section 2: a P-256 key whose point is not on the curve.
    const point = Buffer.concat([Buffer.from([0, 4]), Buffer.alloc(64, 1)])
    const spki = sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')), element(3, [point]))
    const signature = element(3, [Buffer.from([0, 0x02, 0x01, 0x01])])
    const object = sequence(sequence(), sequence(oid('1.2.840.10045.4.3.2')), signature)
    assert.is(await verifySigned(object, spki, testContext()), false)
    await new Promise(resolve => setTimeout(resolve, 50))
    assert.equal(failures, [])
  } finally {
    process.off('unhandledRejection', note)
  }
})

test.run()
