import { createHash, X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { judgeIssued, readTrustedKeys, type TrustedKeys } from '../../lib/inspect/issued.js'
import type { LedgerEntry } from '../../lib/tree/ledger.js'
import { MemoryStore } from '../../lib/tree/store.js'
import { context, put, read, wellTree } from '../audit/tree.js'
import { NOW, rejects } from '../support/context.js'
import { vector } from '../vectors/read.js'

const hash = (letter: string) => letter.repeat(64)
const TRUSTED: TrustedKeys = { 'api-server': [hash('a'), hash('b')], 'front-proxy': [hash('c')], etcd: [hash('d')] }
let number = 0
function entry(changes: Partial<LedgerEntry> & { key?: string } = {}): LedgerEntry {
  const { key = hash('a'), ...rest } = changes
  return {
    signedAt: NOW,
    purpose: 'user',
    serialNumber: '01',
    user: 'jane',
    groups: [],
    subject: 'CN=jane',
    isCa: false,
    extKeyUsages: ['clientAuth'],
    dnsNames: [],
    ipAddresses: [],
    notBefore: new Date('2026-06-01T00:00:00Z'),
    notAfter: new Date('2026-07-01T00:00:00Z'),
    keyAlgorithm: 'ECDSA-P256',
    fingerprint: (number++).toString(16).padStart(64, '0'),
    issuer: { subject: 'CN=kubernetes', publicKeyHash: key },
    ...rest,
  }
}
const issuerOf = (subject: string, letter: string) => ({ subject, publicKeyHash: hash(letter) })
const judge = (one: LedgerEntry, trusted = TRUSTED, moment = NOW) => {
  const [judged] = judgeIssued([one], trusted, moment)
  return [judged?.canGetIn, judged?.doors.join(' ') || undefined, judged?.isTrusted]
}

// Go's crypto/x509 v1.23, verify.go: no extended key usages at all, and anyExtendedKeyUsage, allow client authentication.
const CASES: readonly (readonly [name: string, changes: Parameters<typeof entry>[0], expected: unknown])[] = [
  ['a client', {}, [true, 'api-server', true]],
  ['a client of the second CA of a bundle', { key: hash('b') }, [true, 'api-server', true]],
  ['a client of the front proxy CA', { key: hash('c') }, [true, 'front-proxy', true]],
  ['a member of etcd', { key: hash('d'), extKeyUsages: ['serverAuth', 'clientAuth'] }, [true, 'etcd', true]],
  ['a server', { extKeyUsages: ['serverAuth'] }, [false, 'api-server', true]],
  ['another usage alone', { extKeyUsages: ['1.3.6.1.5.5.7.3.3'] }, [false, 'api-server', true]],
  ['no usages', { extKeyUsages: undefined }, [true, 'api-server', true]],
  ['any usage', { extKeyUsages: ['anyExtendedKeyUsage'] }, [true, 'api-server', true]],
  ['a CA', { isCa: true, extKeyUsages: undefined }, [false, 'api-server', true]],
  ['a client of a CA that was replaced', { key: hash('e') }, [false, undefined, false]],
]
for (const [name, changes, expected] of CASES) test(name, () => assert.equal(judge(entry(changes)), expected))

test('a CA that is that of several opens the doors of all', () => {
  const trusted = { ...TRUSTED, 'front-proxy': [hash('a')], etcd: [hash('a')] }
  assert.equal(judge(entry(), trusted), [true, 'api-server front-proxy etcd', true])
})

test('what the ledger says of a CA counts where not all CAs of the tree are known', () => {
  const ca = entry({ key: hash('e'), isCa: true, purpose: 'ca', subject: 'CN=kubernetes' })
  const etcd = entry({
    key: hash('f'),
    isCa: true,
    purpose: 'etcd-ca',
    subject: 'CN=etcd-ca',
    issuer: issuerOf('CN=etcd-ca', 'f'),
  })
  const clients = [entry({ key: hash('e') }), entry({ issuer: issuerOf('CN=etcd-ca', 'f') })]
  const canGetIn = (trusted: TrustedKeys) =>
    judgeIssued([ca, etcd, ...clients], trusted, NOW)
      .slice(2)
      .map(judged => judged.canGetIn)
  // A worker: of the CAs for etcd and the front proxy nothing is known there.
  assert.equal(canGetIn({ 'api-server': [hash('e')] }), [true, true])
  // A cluster whose CA was replaced, with an external etcd.
  assert.equal(canGetIn({ 'api-server': [hash('a')], 'front-proxy': [hash('c')] }), [false, true])
  assert.equal(canGetIn(TRUSTED), [false, false])
  // A line that says it is one of them, and is none that signed itself.
  const false_ = { ...ca, issuer: issuerOf('CN=other', 'e') }
  assert.is(judgeIssued([false_, ...clients], { 'api-server': [hash('a')] }, NOW)[1]?.canGetIn, true)
})

test('where a CA is not known, nobody is said to be kept out', () => {
  assert.equal(judge(entry({ key: hash('e') }), {}), [true, undefined, undefined])
  assert.equal(judge(entry({ key: hash('e') }), { 'api-server': [hash('a')] }), [true, undefined, undefined])
})

// RFC 5280 section 4.1.2.5: both ends belong to the validity period.
const MOMENTS: readonly (readonly [moment: string, canGetIn: boolean])[] = [
  ['2026-05-31T23:59:59Z', false],
  ['2026-06-01T00:00:00Z', true],
  ['2026-07-01T00:00:00Z', true],
  ['2026-07-01T00:00:01Z', false],
]
for (const [moment, canGetIn] of MOMENTS)
  test(`valid at ${moment}: ${canGetIn}`, () => assert.is(judge(entry(), TRUSTED, new Date(moment))[0], canGetIn))

test('a certificate that stands in several ledgers is counted once', () => {
  const one = entry()
  assert.is(judgeIssued([one, entry(), { ...one }], TRUSTED, NOW).length, 2)
})

test('a line hides no other that says something else of its certificate', () => {
  const one = entry({ groups: ['system:masters'] })
  const fake = { ...one, user: 'innocent', groups: [], notAfter: new Date('2026-06-01T00:00:01Z') }
  for (const entries of [
    [fake, one, entry()],
    [one, fake, entry()],
  ]) {
    const judged = judgeIssued(entries, TRUSTED, NOW)
    assert.equal(
      judged.map(({ isContradicted }) => isContradicted),
      [true, true, false],
    )
    assert.ok(judged.some(({ entry: { user }, canGetIn }) => user === 'jane' && canGetIn))
  }
})

test('the keys of the CAs of a tree are their pins: the word of Node', async () => {
  const store = wellTree()
  put(store, 'pki/ca.crt', read(store, 'pki/ca.crt') + vector('x509/root.crt'))
  const pin = (pem: string) =>
    createHash('sha256')
      .update(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex')
  const keys = await readTrustedKeys(store, context)
  assert.equal(keys, {
    'api-server': [pin(read(wellTree(), 'pki/ca.crt')), pin(vector('x509/root.crt'))],
    'front-proxy': [pin(read(store, 'pki/front-proxy-ca.crt'))],
    etcd: [pin(read(store, 'pki/etcd/ca.crt'))],
  })
})

test('an empty tree says nothing about trust, nor does one without the CA of etcd about that; a broken CA is told', async () => {
  assert.equal(await readTrustedKeys(new MemoryStore(), context), {})
  const store = wellTree()
  store.files.delete('pki/etcd/ca.crt')
  assert.equal(Object.keys(await readTrustedKeys(store, context)), ['api-server', 'front-proxy'])
  put(store, 'pki/ca.crt', 'x')
  assert.is((await rejects(readTrustedKeys(store, context))).code, 'KPKI_PEM_LABEL')
})

test.run()
