import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { growTree, MAX_LEVEL } from '../../lib/inspect/picture-tree.js'
import type { InspectedCertificate } from '../../lib/inspect/types.js'
import { fresh } from './pictures.js'

const [base] = fresh.certificates
if (!base) throw new Error('the tree has no certificate')

/** A certificate of a name, signed by the one at an index, or by a name that is not there. */
function named(name: string, issuer: number | string): InspectedCertificate {
  if (!base) throw new Error('the tree has no certificate')
  const dn = (text: string) => ({ ...base.certificate.subject, commonName: text, text: `CN=${text}` })
  const certificate = {
    ...base.certificate,
    subject: dn(name),
    issuer: dn(typeof issuer === 'string' ? issuer : `issuer of ${name}`),
  }
  return { ...base, certificate, issuer: typeof issuer === 'number' ? issuer : undefined, uncheckedIssuer: undefined }
}

/** The tree as text: lines that go on, corners, indexes or the names of who is not there. */
function draw(certificates: readonly InspectedCertificate[]): string[] {
  return growTree(certificates).map(({ index, issuerName, level, goesOn }) => {
    const lines = goesOn.map((open, at) => (at === level - 1 ? (open ? '├' : '└') : open ? '│' : ' '))
    return `${lines.join('')}${index ?? issuerName}`
  })
}

const CASES: readonly (readonly [name: string, issuers: readonly (number | string)[], lines: readonly string[]])[] = [
  ['nothing', [], []],
  ['a root', [0], ['0']],
  ['leaves before their roots', [2, 3, 2, 3, 2], ['2', '├0', '└4', '3', '└1']],
  ['a chain with a branch', [0, 0, 1, 1, 0], ['0', '├1', '│├2', '│└3', '└4']],
  ['issuers that are not there, once each', ['a', 'b', 'a'], ['a', '├0', '└2', 'b', '└1']],
  ['one that signed itself by name, unverified', ['c3'], ['c3', '└0']],
  ['a circle', [1, 0, 0], ['0', '├1', '└2']],
  [
    'deeper than anybody counts',
    [0, 0, 1, 2, 3, 4, 5, 6],
    ['0', '└1', ' └2', '  └3', '   └4', '    ├5', '    ├6', '    └7'],
  ],
  ['an index that leads nowhere', [99], ['issuer of c0', '└0']],
]
for (const [name, issuers, lines] of CASES)
  test(name, () => {
    const certificates = issuers.map((issuer, index) => named(`c${index}`, issuer))
    if (name === 'an index that leads nowhere') assert.equal(draw(certificates), ['0'])
    else assert.equal(draw(certificates), lines)
  })

test('every certificate stands in the tree once, whoever is said to have signed it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: 0, max: 12 }), fc.constantFrom('a', 'b')), { maxLength: 12 }),
      issuers => {
        const branches = growTree(issuers.map((issuer, index) => named(`c${index}`, issuer)))
        const indexes = branches.flatMap(({ index }) => (index === undefined ? [] : [index]))
        assert.equal(
          indexes.toSorted((a, b) => a - b),
          issuers.map((_, index) => index),
        )
        for (const { level, goesOn } of branches) {
          assert.ok(level <= MAX_LEVEL)
          assert.is(goesOn.length, level)
        }
      },
    ),
  )
})

test.run()
