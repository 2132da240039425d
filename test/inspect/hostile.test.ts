import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inspectFiles } from '../../lib/inspect/inspect.js'
import { testContext } from '../support/context.js'
import { vector, vectorDer } from '../vectors/read.js'
import { ca, certificate, dnsNames, element, extension, nameOf, oid, pem, sequence } from './der.js'
import { bytesOf, input, inspect, LATER } from './support.js'

const context = testContext({ clock: () => LATER })
// A certificate's public key, as node would hand it out: the element that holds its algorithm.
const spki = new Uint8Array((await inspect({ a: vector('x509/root.crt') })).certificates[0]?.certificate.spki ?? [])
/** Another key: one of its octets differs, so that it is on no curve, which nobody looks at before a signature is. */
const keyNumber = (number: number) => {
  const key = Buffer.from(spki)
  key.writeUInt32BE(number, key.length - 4)
  return key
}

test('ten thousand certificates: in one file and in five they are shown', async () => {
  const der = (number: number) =>
    certificate({ spki, subject: nameOf(`c${number}`), issuer: nameOf(`x${number % 50}`) })
  const texts = Array.from({ length: 10_000 }, (_, number) => pem(der(number)))
  const one = await inspect({ 'all.pem': texts.join('') })
  assert.ok(texts.join('').length > 2 * 1024 * 1024)
  assert.is(one.certificates.length, 10_000)
  assert.ok(one.remarks.length < 200)
  const parts = Array.from({ length: 5 }, (_, part) => texts.slice(part * 2000, part * 2000 + 2000).join(''))
  const many = await inspectFiles(
    parts.map((text, part) => input(`${part}.pem`, text)),
    context,
  )
  assert.is(many.certificates.length, 10_000)
  assert.ok(many.remarks.length < 200)
})

test('two thousand CAs of one name and different keys: a bound is reached, and says so', async () => {
  const texts = Array.from({ length: 2000 }, (_, number) =>
    pem(certificate({ spki: keyNumber(number), subject: nameOf('ca'), extensions: [ca] })),
  )
  let tries = 0
  const subtle = new Proxy(context.crypto.subtle, {
    get(target, name: keyof SubtleCrypto) {
      if (name === 'importKey') tries++
      return target[name].bind(target)
    },
  })
  const crypto = { subtle, getRandomValues: context.crypto.getRandomValues, randomUUID: context.crypto.randomUUID }
  const found = await inspect({ 'all.pem': texts.join('') }, { ...context, crypto })
  assert.is(found.certificates.length, 2000)
  assert.ok(tries > 2000 && tries <= 3000, `${tries} keys were tried`)
  assert.ok(found.remarks.some(({ code }) => code === 'too-many'))
  assert.ok(found.certificates.every(({ issuer }) => issuer === undefined))
})

test('one certificate three thousand times is one', async () => {
  const found = await inspect({ 'all.pem': pem(certificate({ spki })).repeat(3000) })
  assert.is(found.certificates.length, 1)
  assert.ok((found.certificates[0]?.places.length ?? 0) >= 1000)
})

test('ten thousand names are all there', async () => {
  const names = Array.from({ length: 10_000 }, (_, number) => `h${number}.example.org`)
  const found = await inspect({ 'a.crt': pem(certificate({ spki, extensions: [dnsNames(names)] })) })
  assert.equal(found.certificates[0]?.certificate.dnsNames, names)
})

// What is odd: shown with the fact that openssl and node:crypto print, or refused in one line.
const at = (tag: number, text: string) => element(tag, text)
for (const [about, parts, expected] of [
  [
    'GeneralizedTime',
    { notBefore: at(24, '20260101000000Z'), notAfter: at(24, '99991231235959Z') },
    '9999-12-31T23:59:59.000Z',
  ],
  ['UTCTime of 1950', { notBefore: '500101000000Z' }, '2036-01-01T00:00:00.000Z'],
  ['a year before all', { notBefore: at(24, '00010101000000Z') }, '2036-01-01T00:00:00.000Z'],
  ['a negative serial', { serial: Buffer.from([0xff]) }, 'ff'],
  ['a serial of 100 octets', { serial: Buffer.alloc(100, 1) }, '01'.repeat(100)],
  ['BMPString', { subject: nameOf(Buffer.from([0x01, 0x59, 0x26, 0x3a]), 30) }, 'CN=ř☺'],
  ['T61String', { subject: nameOf(Buffer.from([0xe4]), 20) }, 'CN=ä'],
  ['a BMPString that ends in a zero', { subject: nameOf(Buffer.from([0, 0x61, 0, 0]), 30) }, '"CN=a"'],
  ['a PrintableString with an asterisk', { subject: nameOf(Buffer.from('*.a'), 19) }, 'CN=*.a'],
  // What Go's x509.ParseCertificate refuses (v1.23, crypto/x509/parser.go, parseASN1String), and so Kubernetes.
  ['UniversalString', { subject: nameOf(Buffer.from([0, 1, 0xf6, 0]), 28) }, undefined],
  ['VisibleString', { subject: nameOf(Buffer.from('a'), 26) }, undefined],
  ['half a character of a BMPString', { subject: nameOf(Buffer.from([0, 0x61, 0]), 30) }, undefined],
  ['a PrintableString with an underscore', { subject: nameOf(Buffer.from('a_b'), 19) }, undefined],
  ['a NumericString with a letter', { subject: nameOf(Buffer.from('1a'), 18) }, undefined],
  ['a string that is none', { subject: nameOf(Buffer.from([0xff, 0xfe]), 12) }, undefined],
  ['a number for a name', { subject: nameOf(Buffer.from([7]), 2) }, undefined],
  ['an extension that is no DER', { extensions: [extension('2.5.29.19', Buffer.from([0x30, 5]), true)] }, undefined],
  ['an unknown critical extension', { extensions: [extension('1.2.3.4', Buffer.from([5, 0]), true)] }, '1.2.3.4'],
  ['extensions twice', { extensions: [ca, ca] }, undefined],
  ['a month of 13', { notAfter: '361301000000Z' }, undefined],
  ['no time', { notAfter: 'never' }, undefined],
  ['no key', { spki: sequence(oid('1.2.3')) }, undefined],
] as const) {
  test(`shown or refused: ${about}`, async () => {
    const der = certificate({ spki, ...parts })
    const { certificates, remarks } = await inspect({ 'a.der': der })
    if (expected === undefined) {
      assert.equal([certificates.length, remarks.map(({ code }) => code)], [0, ['unreadable']])
      assert.match(remarks[0]?.message ?? '', /^[^\n]{10,200}$/)
      return
    }
    const facts = certificates.map(found => JSON.stringify(found.certificate))
    assert.match(facts[0] ?? '', expected)
  })
}

test('a chain of three thousand is no stack', async () => {
  const texts = Array.from({ length: 2500 }, (_, number) =>
    pem(certificate({ spki, subject: nameOf(`n${number}`), issuer: nameOf(`n${number + 1}`) })),
  )
  assert.is((await inspect({ 'a.pem': texts.join('') })).certificates.length, 2500)
})

test('thousands of broken blocks say so twenty times', async () => {
  const found = await inspect({
    'a.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'.repeat(5000),
  })
  assert.is(found.remarks.length, 21)
  const starts = await inspect({ 'a.pem': '-----BEGIN A-----\n'.repeat(20_000) })
  assert.is(starts.remarks.length, 21)
})

test('lists in lists, aliases and deep documents are bounded', async () => {
  const nested = (depth: number): object =>
    depth === 0 ? { kind: 'Secret' } : { kind: 'List', items: [nested(depth - 1)] }
  for (const text of [
    JSON.stringify(nested(20)),
    `kind: Secret\ndata: ${'['.repeat(5000)}`,
    `kind: List\nitems: &a [*a, *a]\n`,
    `kind: &a [${'x,'.repeat(100)}]\n${Array.from({ length: 50 }, (_, n) => `a${n}: [*a,*a,*a,*a,*a,*a]`).join('\n')}\n`,
  ]) {
    const found = await inspect({ 'a.yaml': text })
    assert.ok(found.remarks.length <= 1)
  }
})

test('keys of a megabyte are refused', async () => {
  const number = (size: number) => element(2, Buffer.alloc(size, 0x5b))
  const key = sequence(
    element(2, Buffer.from([0])),
    ...[150_000, 3, 80_000, 75_000, 75_000, 75_000, 75_000, 75_000].map(number),
  )
  const found = await inspect({ 'a.key': pem(key, 'RSA PRIVATE KEY') })
  assert.equal(
    found.remarks.map(({ error }) => error),
    ['KPKI_KEY_INVALID'],
  )
})

const SEEDS = [
  'x509/root.crt',
  'x509/odd-names.crt',
  'inspect/request.csr',
  'x509/leaf.key',
  'keys/rsa-1024.pkcs1.pem',
  'keys/p256.pkcs8.pem',
  'inspect/leaf.pub',
] as const

/** Changes some octets. */
const changes = fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { minLength: 1, maxLength: 4 })
const changed = (bytes: Uint8Array, list: readonly (readonly [number, number])[]) => {
  const copy = new Uint8Array(bytes)
  for (const [place, value] of list) copy[place % copy.length] = value
  return copy
}

test('any bytes are shown or remarked on, never thrown at', () =>
  fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 300 }), async (name, bytes) => {
      const found = await inspectFiles([{ name, bytes }], context)
      assert.ok(found.certificates.length === 0 && Array.isArray(found.remarks))
    }),
    { numRuns: 300 },
  ))

for (const seed of SEEDS) {
  test(`mutations of ${seed} are shown or remarked on`, () =>
    fc.assert(
      fc.asyncProperty(changes, fc.constantFrom('der', 'pem', 'text'), async (list, form) => {
        const label = /BEGIN ([^-]+)-/.exec(vector(seed))?.[1] ?? ''
        const bytes =
          form === 'text'
            ? changed(bytesOf(seed), list)
            : form === 'der'
              ? changed(vectorDer(seed), list)
              : new TextEncoder().encode(pem(changed(vectorDer(seed), list), label))
        const found = await inspectFiles([input('a.crt', bytes)], context)
        const { certificates, keys, requests, blocks, remarks, others } = found
        assert.ok([certificates, keys, requests, blocks, remarks, others].some(held => held.length > 0))
      }),
      { numRuns: 150 },
    ))
}

test('any entries of a kubeconfig are shown or remarked on', () =>
  fc.assert(
    fc.asyncProperty(
      fc.jsonValue(),
      fc.jsonValue(),
      fc.jsonValue(),
      fc.jsonValue(),
      async (clusters, users, contexts, current) => {
        const list = [{ name: 'a', cluster: clusters, user: users, context: contexts }]
        for (const text of [
          { kind: 'Config', clusters, users, contexts, 'current-context': current },
          { kind: 'Config', clusters: list, users: list, contexts: list, 'current-context': 'a' },
          { kind: 'Secret', metadata: clusters, data: users, stringData: contexts, type: current },
          { kind: 'List', items: [{ kind: 'ConfigMap', data: users }, clusters] },
          { kind: 'CertificateSigningRequest', spec: users, status: { certificate: current } },
        ])
          await inspect({ 'a.json': JSON.stringify(text) }, context)
      },
    ),
    { numRuns: 150 },
  ))

test.run()
