import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RULES } from '../../lib/audit/rules.js'
import * as errors from '../../lib/errors.js'
import { codeOf, filesBelow, readText } from './source.js'

const { ERRORS } = errors
const lib = filesBelow('lib/')
  .filter(path => path !== 'lib/errors.ts')
  .map(codeOf)
  .join('\n')
// This file names none of them, or it would prove itself right.
const tests = filesBelow('test/')
  .filter(path => !path.startsWith('test/contract/codes'))
  .map(readText)
  .join('\n')
const isIn = (text: string, code: string) => new RegExp(`['"\`]?\\b${code}\\b`).test(text)

test('every error code is thrown somewhere', () =>
  assert.equal(
    Object.keys(ERRORS).filter(code => !isIn(lib, code)),
    [],
  ))

test('every error code is provoked by some test', () =>
  assert.equal(
    Object.keys(ERRORS).filter(code => !isIn(tests, code)),
    [],
  ))

test('no code is thrown that is not in the table', () => {
  const used = new Set(lib.match(/\bKPKI_[A-Z][A-Z_]*[A-Z]\b/g))
  // Environment variables have names of the same form.
  const environment = ['KPKI_DEBUG']
  assert.equal(
    [...used].filter(code => !(code in ERRORS) && !environment.includes(code)),
    [],
  )
})

test('every finding is reported somewhere', () => {
  const reporting = [...filesBelow('lib/audit/'), ...filesBelow('lib/inspect/')]
    .filter(path => !path.endsWith('/findings.ts'))
    .map(codeOf)
    .join('\n')
  assert.equal(
    Object.keys(RULES).filter(code => !reporting.includes(`'${code}'`)),
    [],
  )
})

test('there is a class for every kind, and every code and kind is described in a few words', () => {
  const classes = {
    usage: 'UsageError',
    encoding: 'EncodingError',
    policy: 'PolicyError',
    verify: 'VerifyError',
    store: 'StoreError',
    api: 'ApiError',
    network: 'NetworkError',
    workflow: 'WorkflowError',
  }
  assert.equal(new Set(Object.values(ERRORS).map(({ kind }) => kind)), new Set(Object.keys(classes)))
  for (const name of Object.values(classes)) assert.type((errors as Record<string, unknown>)[name], 'function')
  for (const [code, { about }] of Object.entries(ERRORS)) {
    assert.match(code, /^KPKI_[A-Z]+(_[A-Z]+)*$/)
    assert.match(about, /^[^\n]{10,120}[^\n.]$/, code)
  }
})

test('an error has its code, its class, its name, its details and its cause', () => {
  const cause = new Error('inner')
  const error = new errors.StoreError('KPKI_LOCKED', 'a is locked', { details: { path: 'a' }, hint: 'wait', cause })
  assert.instance(error, errors.KpkiError)
  assert.instance(error, Error)
  assert.equal(
    [error.name, error.code, error.details, error.hint, error.cause],
    ['StoreError', 'KPKI_LOCKED', { path: 'a' }, 'wait', cause],
  )
  const bare = new errors.StoreError('KPKI_LOCKED', 'a is locked')
  assert.equal([bare.details, bare.hint, 'cause' in bare], [{}, undefined, false])
})

test.run()
