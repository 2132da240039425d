import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { appendToLedger, formatLedgerEntry, LEDGER_PATH, type LedgerEntry, parseLedger } from '../../lib/tree/ledger.js'
import { MemoryStore } from '../../lib/tree/store.js'
import { parseCertificates } from '../../lib/x509/certificate.js'
import { NOW, rejects, testContext } from '../support/context.js'
import { vector } from '../vectors/read.js'

const context = testContext()
const hash = 'ab'.repeat(32)
const ENTRY: LedgerEntry = {
  signedAt: NOW,
  purpose: 'user',
  serialNumber: '6d5b7339',
  user: 'jane',
  groups: ['developers'],
  subject: 'O=developers, CN=jane',
  isCa: false,
  extKeyUsages: ['clientAuth'],
  dnsNames: [],
  ipAddresses: [],
  notBefore: new Date('2026-06-01T11:55:00Z'),
  notAfter: new Date('2026-06-02T00:00:00Z'),
  keyAlgorithm: 'ECDSA-P256',
  fingerprint: hash,
  issuer: { subject: 'CN=kubernetes', publicKeyHash: hash },
}
const LINE = formatLedgerEntry(ENTRY)
const kinds = (text: string) => parseLedger(text).problems.map(({ line, kind }) => `${line} ${kind}`)

test('a line is one object, in a documented order, with its end', () =>
  assert.is(
    LINE,
    `{"v":1,"signedAt":"2026-06-01T12:00:00.000Z","purpose":"user","serialNumber":"6d5b7339","user":"jane",` +
      `"groups":["developers"],"subject":"O=developers, CN=jane","extKeyUsages":["clientAuth"],"dnsNames":[],` +
      `"ipAddresses":[],"keyAlgorithm":"ECDSA-P256","isCA":false,"notBefore":"2026-06-01T11:55:00.000Z",` +
      `"notAfter":"2026-06-02T00:00:00.000Z","fingerprint":"${hash}",` +
      `"issuer":{"subject":"CN=kubernetes","publicKeyHash":"${hash}"}}\n`,
  ))

const moment = fc.date({
  min: new Date('1950-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59Z'),
  noInvalidDate: true,
})
const hex = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(bytes => Buffer.from(bytes).toString('hex'))
const anyText = fc.string({ unit: 'binary' })
const texts = fc.array(anyText, { maxLength: 4 })
const PLAIN = { noNullPrototype: true }
const entry: fc.Arbitrary<LedgerEntry> = fc.record(
  {
    signedAt: moment,
    purpose: anyText,
    serialNumber: hex(16),
    user: anyText,
    groups: texts,
    subject: anyText,
    isCa: fc.boolean(),
    extKeyUsages: fc.option(texts, { nil: undefined }),
    dnsNames: texts,
    ipAddresses: texts,
    notBefore: moment,
    notAfter: moment,
    keyAlgorithm: anyText,
    fingerprint: hex(32),
    issuer: fc.record({ subject: anyText, publicKeyHash: hex(32) }, PLAIN),
  },
  PLAIN,
)

test('whatever is written is read, one line each, also names with line ends in them', () =>
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 5 }), entries => {
      const text = entries.map(formatLedgerEntry).join('')
      assert.is(text.split('\n').length, entries.length + 1)
      assert.equal(parseLedger(text), { entries, problems: [], unreadLines: 0 })
    }),
  ))

test('torn at any byte: the lines before are read, the last is named or whole', () => {
  const text = LINE + LINE
  for (let end = 0; end <= text.length; end++) {
    const { entries, problems } = parseLedger(text.slice(0, end))
    const isWhole = end === 0 || [LINE.length - 1, LINE.length, text.length - 1, text.length].includes(end)
    assert.is(entries.length, end < LINE.length - 1 ? 0 : end < text.length - 1 ? 1 : 2, String(end))
    assert.equal(
      problems.map(({ kind, line }) => `${line} ${kind}`),
      isWhole ? [] : [`${end < LINE.length ? 1 : 2} torn`],
      String(end),
    )
  }
})

test('what follows a torn line is read', () => {
  const { entries, problems } = parseLedger(`${LINE.slice(0, 50)}\n${LINE}`)
  assert.equal(entries, [ENTRY])
  assert.equal(problems, [{ line: 1, kind: 'invalid', message: 'is not JSON' }])
})

test('fields that are not known are passed over, empty lines and an end of the DOS kind, too', () => {
  const further = LINE.replace('{"v":1', '{"v":1,"__proto__":{"isCA":true},"ticket":"OPS-1"')
  assert.equal(parseLedger(`\n${further}\r\n\n`.replace('\r\n\n', '\r\n')).entries, [ENTRY])
})

const changed = (field: string, value: unknown) => `${JSON.stringify({ ...JSON.parse(LINE), [field]: value })}\n`
const HOSTILE: readonly (readonly [name: string, line: string])[] = [
  ['no object', '[]\n'],
  ['null', 'null\n'],
  ['a number', '1\n'],
  ['nested without end', `${'['.repeat(100_000)}\n`],
  ['another version', changed('v', 2)],
  ['no version', changed('v', undefined)],
  ['a line of a megabyte', changed('user', 'a'.repeat(1024 * 1024))],
  ['binary', '\0\x01\x02\n'],
  ...Object.keys(JSON.parse(LINE))
    .filter(field => field !== 'v' && field !== 'extKeyUsages')
    .map(field => [`without ${field}`, changed(field, undefined)] as const),
  ...Object.keys(JSON.parse(LINE)).map(field => [`${field} is an object`, changed(field, { a: 1 })] as const),
  ['groups with a number among them', changed('groups', ['a', 1])],
  ['a time that is none', changed('notAfter', '2026-02-30T25:00:00.000Z')],
  ['a time of another form', changed('notAfter', '1 June 2026')],
  ['a serial number in other letters', changed('serialNumber', 'xyz')],
  ['a short fingerprint', changed('fingerprint', 'abcd')],
  ['an issuer without its key', changed('issuer', { subject: 'CN=a' })],
]
for (const [name, line] of HOSTILE) {
  test(`${name}: named, and the lines around it are read`, () => {
    assert.equal(kinds(LINE + line + LINE), ['2 invalid'])
    assert.is(parseLedger(LINE + line + LINE).entries.length, 2)
  })
}

test('appending takes the lock, writes 0600, adds behind what is there, also behind a torn line', async () => {
  const [certificate] = parseCertificates(vector('x509/leaf.crt'))
  const [issuer] = parseCertificates(vector('x509/root.crt'))
  const store = new MemoryStore()
  const release = await store.lock()
  assert.is(
    (await rejects(appendToLedger([{ purpose: 'user', certificate, issuer }], store, context))).code,
    'KPKI_LOCKED',
  )
  await release()
  assert.is(store.files.size, 0)
  await appendToLedger([], store, context)
  assert.is(store.files.size, 0, 'nothing to write down makes no file')
  await appendToLedger([{ purpose: 'user', certificate, issuer }], store, context)
  const file = store.files.get(LEDGER_PATH)
  assert.is(file?.mode, 0o600)
  store.files.set(LEDGER_PATH, { bytes: file?.bytes.slice(0, -20) ?? new Uint8Array(), mode: 0o600 })
  await appendToLedger([{ purpose: 'user', certificate, issuer }], store, context)
  const { entries, problems } = parseLedger(new TextDecoder().decode(store.files.get(LEDGER_PATH)?.bytes))
  assert.is(entries.length, 1)
  assert.is(problems.length, 1)
  await (await store.lock())()
})

test('what is no ledger at all costs little, however many lines it has', () => {
  const { entries, problems, unreadLines } = parseLedger(`${'{}\n'.repeat(300_000)}${LINE}`)
  assert.equal([entries.length, problems.length, unreadLines], [1, 1000, 300_000])
  assert.equal(problems.at(-1)?.line, 1000)
})

test('no line is written that would not be read again', async () => {
  const [certificate] = parseCertificates(vector('x509/leaf.crt'))
  // The whole name says the groups again.
  const withGroups = (count: number) => {
    const organizations = Array.from({ length: count }, (_, index) => `${index}`.padStart(96, 'g'))
    return { ...certificate, subject: { ...certificate.subject, organizations, text: organizations.join(',') } }
  }
  const store = new MemoryStore()
  const append = (count: number) =>
    appendToLedger([{ purpose: 'user', certificate: withGroups(count), issuer: certificate }], store, context)
  await append(2200)
  assert.is(parseLedger(new TextDecoder().decode(store.files.get(LEDGER_PATH)?.bytes)).entries[0]?.groups.length, 2200)
  const before = store.files.get(LEDGER_PATH)?.bytes.length
  assert.is((await rejects(append(6000))).code, 'KPKI_INPUT_TOO_LARGE')
  assert.is(store.files.get(LEDGER_PATH)?.bytes.length, before)
  // To the character.
  const room = 1024 * 1024 - (before ?? 0) + 1
  const grown = (by: number) => {
    const { subject } = withGroups(2200)
    return { ...certificate, subject: { ...subject, text: subject.text + 'x'.repeat(by) } }
  }
  const appendGrown = (by: number) =>
    appendToLedger([{ purpose: 'user', certificate: grown(by), issuer: certificate }], new MemoryStore(), context)
  await appendGrown(room)
  assert.is((await rejects(appendGrown(room + 1))).code, 'KPKI_INPUT_TOO_LARGE')
})

for (const [mode, said] of [
  [0o600, []],
  [0o400, []],
  [0o640, ['0640']],
  [0o604, ['0604']],
] as const) {
  test(`a ledger of mode ${mode.toString(8)}: ${said.length === 0 ? 'nothing to say' : 'others can read it'}`, async () => {
    const [certificate] = parseCertificates(vector('x509/root.crt'))
    const store = new MemoryStore()
    store.files.set(LEDGER_PATH, { bytes: new Uint8Array(), mode })
    const warnings: string[] = []
    const log = ({ message }: { readonly message: string }) => void warnings.push(message)
    await appendToLedger([{ purpose: 'ca', certificate, issuer: certificate }], store, { ...context, log })
    assert.equal(
      warnings,
      said.map(digits => `${LEDGER_PATH} has mode ${digits}: who can get in is nobody else's business; chmod 0600 it`),
    )
    assert.is(store.files.get(LEDGER_PATH)?.mode, mode)
  })
}

test('a store that cannot append keeps no ledger', async () => {
  const [certificate] = parseCertificates(vector('x509/root.crt'))
  const store = new MemoryStore()
  const without = Object.assign(Object.create(store), { append: undefined })
  await appendToLedger([{ purpose: 'ca', certificate, issuer: certificate }], without, context)
  assert.is(store.files.size, 0)
})

test.run()
