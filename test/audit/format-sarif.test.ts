import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatSarif } from '../../lib/audit/format-sarif.js'
import { skipped } from '../support/skip.js'
import { REPORT, reports } from './reports.js'

interface Sarif {
  readonly $schema: string
  readonly version: string
  readonly runs: readonly {
    readonly tool: {
      readonly driver: { readonly name: string; readonly version: string; readonly rules: readonly Rule[] }
    }
    readonly results: readonly Result[]
  }[]
}
interface Rule {
  readonly id: string
  readonly shortDescription: { readonly text: string }
  readonly defaultConfiguration: { readonly level: string }
}
interface Result {
  readonly ruleId: string
  readonly ruleIndex: number
  readonly level: string
  readonly message: { readonly text: string }
  readonly baselineState?: string
  readonly suppressions?: readonly unknown[]
  readonly partialFingerprints: Readonly<Record<string, string>>
  readonly locations: readonly {
    readonly physicalLocation: { readonly artifactLocation: { readonly uri: string }; readonly region: unknown }
    readonly logicalLocations?: readonly unknown[]
  }[]
}
const read = (text: string): Sarif['runs'][number] => {
  const { version, $schema, runs } = JSON.parse(text) as Sarif
  assert.equal([version, runs.length], ['2.1.0', 1])
  assert.match($schema, /sarif-schema-2\.1\.0\.json$/)
  const [first] = runs
  if (!first) throw new Error('no run')
  return first
}

test('findings have level, place and state', () => {
  const { tool, results } = read(formatSarif(REPORT))
  assert.equal([tool.driver.name, tool.driver.version], ['kpki', '1.2.3'])
  assert.equal(
    results.map(({ ruleId, level, baselineState, suppressions, locations: [place] }) => [
      ruleId,
      level,
      baselineState,
      suppressions,
      place?.physicalLocation.artifactLocation.uri,
      place?.logicalLocations,
    ]),
    [
      ['names-missing', 'error', 'new', undefined, 'demo/pki/apiserver.crt', undefined],
      [
        'expired',
        'error',
        'new',
        undefined,
        'file:///srv/ca%20bundle.pem',
        [{ fullyQualifiedName: '2nd certificate' }],
      ],
      ['serial-short', 'note', 'new', undefined, 'demo/pki/ca.crt', undefined],
      [
        'mode-open',
        'warning',
        'unchanged',
        [{ kind: 'external', status: 'accepted', justification: 'a <test> & nothing else' }],
        'demo/pki/ca.key',
        undefined,
      ],
    ],
  )
  const rules = tool.driver.rules
  for (const { ruleId, ruleIndex, level } of results) {
    assert.is(rules[ruleIndex]?.id, ruleId)
    assert.is(rules[ruleIndex]?.defaultConfiguration.level, level)
  }
  assert.is(rules.length, 5)
})

test('without a baseline nothing is said to be new', () => {
  const { results } = read(formatSarif({ ...REPORT, hasBaseline: false }))
  assert.equal(results.map(({ baselineState }) => baselineState).filter(Boolean), [])
})

test('every URI is one, and leads back to the file', () => {
  fc.assert(
    fc.property(reports, report => {
      const { results } = read(formatSarif(report))
      assert.is(results.length, report.findings.length)
      for (const [index, { locations, partialFingerprints }] of results.entries()) {
        const uri = locations[0]?.physicalLocation.artifactLocation.uri ?? ''
        assert.match(uri, /^(file:\/\/)?[A-Za-z0-9%\-._~!'()*/]*$/)
        const path = report.findings[index]?.file.replace(/\p{Cs}/gu, '\ufffd').replace(/^(\.\/+)+/, '')
        assert.is(decodeURIComponent(uri.replace(/^file:\/\//, '')), path)
        assert.match(Object.values(partialFingerprints).join(), /^f{32}$/)
      }
    }),
  )
})

// Prints what the schema has against documents: one list a document.
const VALIDATE = `
import sys, json, jsonschema
schema = json.load(open(sys.argv[1]))
check = jsonschema.validators.validator_for(schema)(schema)
json.dump([[error.message for error in check.iter_errors(each)] for each in json.load(sys.stdin)], sys.stdout)
`
const program = ['/usr/bin/python3', 'python3'].find(
  program => spawnSync(program, ['-c', 'import jsonschema']).status === 0,
)
if (program === undefined) {
  skipped.push('the schema of the standard has nothing against any report (needs python3-jsonschema)')
  test.skip()
} else {
  test('the schema of the standard has nothing against any report', () => {
    const documents = [REPORT, ...fc.sample(reports, { numRuns: 20, seed: 3 })].map(
      report => JSON.parse(formatSarif(report)) as object,
    )
    const judge = (values: readonly unknown[]) => {
      const schema = new URL('../vectors/sarif/sarif-schema-2.1.0.json', import.meta.url).pathname
      const { status, stdout, stderr } = spawnSync(program, ['-c', VALIDATE, schema], {
        encoding: 'utf8',
        input: JSON.stringify(values),
      })
      assert.is(status, 0, stderr)
      return JSON.parse(stdout) as string[][]
    }
    assert.equal(judge(documents).flat(), [])
    // It does look: a level that there is not is found.
    assert.is(judge([JSON.parse(formatSarif(REPORT).replace('"level": "note"', '"level": "notice"'))])[0]?.length, 1)
  })
}

test.run()
