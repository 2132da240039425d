/** For every rule that a check can find: a tree that breaks it, and nothing else. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Rule } from '../../lib/audit/rule.js'
import { RULES, type RuleId } from '../../lib/audit/rules.js'
import { checkTree } from '../../lib/inspect/check-tree.js'
import { testContext } from '../support/context.js'
import type { Break } from './breaks/break.js'
import { CERTIFICATE_BREAKS } from './breaks/certificates.js'
import { CHANGE_BREAKS } from './breaks/changes.js'
import { CIS_BREAKS, CIS_DOUBLE_BREAKS, cisTree } from './breaks/cis.js'
import { FILE_BREAKS } from './breaks/files.js'
import { QUIET, TREE_BREAKS } from './breaks/tree.js'
import { wellTree } from './tree.js'

/** The benchmark asks more of modes and owners than everybody does: what else is found is looked at in check-cis.test.ts. */
const CIS: readonly Break[] = [...CIS_BREAKS, ...CIS_DOUBLE_BREAKS].map(({ rule, item, path, spoil }) => ({
  ...{ rule, spoil },
  about: `item ${item}, ${path}`,
  base: cisTree,
  options: { cis: '1.12', rules: [rule] },
}))

const BREAKS: readonly Break[] = [...CERTIFICATE_BREAKS, ...TREE_BREAKS, ...CHANGE_BREAKS, ...FILE_BREAKS, ...CIS]

async function findingsOf({ spoil, asked = {}, options = {}, now, base = wellTree, wrap }: Break) {
  const store = base()
  await spoil(store)
  const context = testContext(now === undefined ? {} : { clock: () => new Date(now) })
  const { findings } = await checkTree(wrap ? wrap(store) : store, asked, context, options)
  return findings
}

test('nothing is found in a well tree', async () => {
  assert.equal(await findingsOf({ rule: 'chain', about: '', spoil: () => {} }), [])
})

for (const each of [...BREAKS, ...QUIET]) {
  const { rule, about, findings } = each
  test(`${findings?.length === 0 ? 'nothing' : rule}: ${about}`, async () => {
    const found = await findingsOf(each)
    const told = found.map(({ code, row, path }) => `${code} ${row ?? path}`)
    if (findings) assert.equal([...told].sort(), [...findings].sort())
    else assert.equal([...new Set(found.map(({ code }) => code))], [rule])
    assert.ok(findings || found.length === 1, told.join(', '))
    for (const { code, severity, message } of found) {
      assert.is(severity, RULES[code].severity)
      assert.not.match(message, '-----')
      assert.not.match(message, '\n')
    }
  })
}

test('no rule is without a tree that breaks it', () => {
  const ids = (Object.entries(RULES) as [RuleId, Rule][]).flatMap(([id, { group }]) => (group === 'live' ? [] : [id]))
  const broken = new Set(BREAKS.map(({ rule }) => rule))
  assert.equal(
    ids.filter(id => !broken.has(id)),
    [],
  )
})

test.run()
