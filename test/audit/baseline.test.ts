import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Baseline, baselineOf, formatBaseline, openBaseline, parseBaseline } from '../../lib/audit/baseline.js'
import { fingerprintOf } from '../../lib/audit/fingerprint.js'
import { type Finding, finding, RULES, type RuleId } from '../../lib/audit/rules.js'
import { rejects, testContext } from '../support/context.js'

const context = testContext()
const names = finding('names-missing', 'apiserver', 'pki/apiserver.crt', 'lacks the names api', {
  field: 'subjectAltName',
  expected: 'api',
  actual: 'kubernetes',
})
const accepted = async (found: Finding, baseline: Baseline, moment = context) =>
  (await openBaseline(baseline, moment).accepts(found)) !== undefined

test('what was written is accepted when it is read again', async () => {
  const text = formatBaseline(await baselineOf([names, names], context))
  const baseline = parseBaseline(text, 'baseline.json')
  assert.is(baseline.entries.length, 1)
  assert.is(await accepted(names, baseline), true)
  assert.equal(openBaseline(baseline, context).unmatched(), baseline.entries)
})

for (const [about, change, isSame] of [
  ['another sentence', { message: 'does not have the name api' }, true],
  ['another hint', { hint: 'do something' }, true],
  ['another file', { path: 'pki/etcd/server.crt' }, false],
  ['another part', { part: '2nd certificate' }, false],
  ['another name that is missing', { expected: 'api.example.org' }, false],
  ['another rule', { code: 'wider' }, false],
] as const) {
  test(`${about} is ${isSame ? 'the same' : 'another'} finding`, async () => {
    assert.is(await accepted({ ...names, ...change }, await baselineOf([names], context)), isSame)
  })
}

for (const [rule, field, isSame] of [
  ['serial-short', 'serialNumber', true],
  ['outlives-ca', 'notAfter', true],
  ['expired', 'notAfter', false],
  ['ends-soon', 'notAfter', false],
  ['mode-open', 'mode', false],
] as const) {
  test(`${rule} of a renewed certificate is ${isSame ? 'still accepted' : 'found again'}`, async () => {
    const before = finding(rule, 'apiserver', 'pki/apiserver.crt', 'is so', { field, actual: 'a' })
    const after = finding(rule, 'apiserver', 'pki/apiserver.crt', 'is so', { field, actual: 'b' })
    assert.is(await accepted(after, await baselineOf([before], context)), isSame)
    assert.is(await accepted(before, await baselineOf([before], context)), true)
  })
}

test('that a certificate ends is the same on every day before', async () => {
  const on = (expected: string) =>
    finding('ends-soon', 'apiserver', 'pki/apiserver.crt', 'ends', {
      field: 'notAfter',
      expected,
      actual: '2026-06-20',
    })
  assert.is(await accepted(on('after 2026-07-02'), await baselineOf([on('after 2026-07-01')], context)), true)
})

for (const [until, isAccepted] of [
  ['2026-05-31', false],
  ['2026-06-01', true],
  ['2027-01-31', true],
] as const) {
  test(`an entry until ${until} counts ${isAccepted ? '' : 'no longer '}on 2026-06-01, and is told when not`, async () => {
    const [entry] = (await baselineOf([names], context)).entries
    if (!entry) throw new Error('no entry')
    const open = openBaseline({ entries: [{ ...entry, until }] }, context)
    assert.is((await open.accepts(names)) !== undefined, isAccepted)
    assert.equal(open.ended(), isAccepted ? [] : [{ ...entry, until }])
    assert.equal(open.unmatched(), [])
  })
}

test('a new baseline keeps reasons and ends of the old one, but no end that is over', async () => {
  const [entry] = (await baselineOf([names], context)).entries
  if (!entry) throw new Error('no entry')
  const old = (until: string): Baseline => ({ entries: [{ ...entry, reason: 'ticket 12', until }] })
  const [kept] = (await baselineOf([names], context, old('2027-01-31'))).entries
  assert.equal([kept?.reason, kept?.until], ['ticket 12', '2027-01-31'])
  const [over] = (await baselineOf([names], context, old('2026-05-31'))).entries
  assert.equal([over?.reason, over?.until], ['ticket 12', undefined])
})

test('a fingerprint is bounded work, and says nothing of what is not in the finding', async () => {
  const many = { ...names, actual: 'a.example.org,'.repeat(1_000_000) }
  assert.match(await fingerprintOf(many, context), /^[0-9a-f]{32}$/)
})

const ENTRY = { rule: 'names-missing', path: 'pki/apiserver.crt', fingerprint: '0'.repeat(32) }
const FILE = { apiVersion: 'kpki.dev/v1alpha1', kind: 'Baseline', findings: [ENTRY] }
for (const [about, value, hint] of [
  ['something else', { kind: 'Plan' }],
  ['a list', []],
  ['null', null],
  ['another version', { ...FILE, apiVersion: 'kpki.dev/v9' }],
  ['no findings', { ...FILE, findings: undefined }],
  ['findings that are no list', { ...FILE, findings: {} }],
  ['an unknown field', { ...FILE, finding: [] }, 'findings'],
  ['an entry that is a text', { ...FILE, findings: ['names-missing'] }],
  ['an unknown rule', { ...FILE, findings: [{ ...ENTRY, rule: 'names-mising' }] }, 'names-missing'],
  ['a rule of the prototype', { ...FILE, findings: [{ ...ENTRY, rule: 'constructor' }] }],
  ['no path', { ...FILE, findings: [{ ...ENTRY, path: undefined }] }],
  ['a path that is a number', { ...FILE, findings: [{ ...ENTRY, path: 1 }] }],
  ['a fingerprint that is none', { ...FILE, findings: [{ ...ENTRY, fingerprint: 'abc' }] }],
  ['a misspelt end', { ...FILE, findings: [{ ...ENTRY, untill: '2027-01-31' }] }, 'until'],
  ['a day that does not exist', { ...FILE, findings: [{ ...ENTRY, until: '2027-02-30' }] }],
  ['a day that is a word', { ...FILE, findings: [{ ...ENTRY, until: 'tomorrow' }] }],
] as const) {
  test(`${about} is refused`, async () => {
    const error = await rejects(() => parseBaseline(JSON.stringify(value), 'b.json'))
    assert.is(error.code, 'KPKI_BASELINE_INVALID')
    assert.match(error.message, /^b\.json /)
    if (hint) assert.match(error.hint ?? '', hint)
  })
}

test('what is no JSON is refused, however deep', async () => {
  for (const text of ['', '{', '[', '['.repeat(500_000), '\u0000', '{"apiVersion"'])
    assert.is((await rejects(() => parseBaseline(text, 'b.json'))).code, 'KPKI_BASELINE_INVALID')
})

const text = fc.string({ unit: 'binary', maxLength: 40 })
const optional = { part: text, message: text, reason: text, until: fc.constantFrom('2027-01-31', '2024-02-29') }
const entry = fc.record(
  {
    rule: fc.constantFrom(...(Object.keys(RULES) as RuleId[])),
    path: text,
    fingerprint: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 32, maxLength: 32 }),
    ...optional,
  },
  { requiredKeys: ['rule', 'path', 'fingerprint'], noNullPrototype: true },
)

test('every baseline is read as it was written', () => {
  fc.assert(
    fc.property(fc.array(entry), entries => {
      assert.equal(parseBaseline(formatBaseline({ entries }), 'b'), { entries })
    }),
  )
})

test('any text is a baseline or refused as none', async () => {
  await fc.assert(
    fc.asyncProperty(fc.json(), async value => {
      const texts = [value, JSON.stringify({ ...FILE, findings: JSON.parse(value) as unknown })]
      for (const each of texts) {
        try {
          parseBaseline(each, 'b')
        } catch (error) {
          assert.is((await rejects(Promise.reject(error))).code, 'KPKI_BASELINE_INVALID')
        }
      }
    }),
  )
})

test.run()
