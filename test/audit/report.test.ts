import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { adviceOf, isAtLeast, isFailure } from '../../lib/audit/report.js'
import { finding, RULES, type RuleId } from '../../lib/audit/rules.js'

for (const id of Object.keys(RULES) as RuleId[]) {
  const { group, fix } = RULES[id]
  test(`${id}: advice for a file of a tree, and for one that kpki does not keep`, () => {
    assert.is(adviceOf(finding(id, 'ca', 'pki/ca.crt', 'is so')), fix)
    const alone = adviceOf(finding(id, undefined, 'a.crt', 'is so'))
    assert.match(alone, /^\S.*\S$/s)
    if (group !== 'files' && group !== 'cis' && group !== 'live') assert.not.match(alone, /kpki (renew|apply)/)
    if (!/kpki/.test(fix)) assert.is(alone, fix)
  })
}

for (const [fix, alone] of [
  ['kpki renew, and restart what it names.', 'Have it made anew by whoever issues it.'],
  ['Have it signed anew: kpki renew.', 'Have it signed anew.'],
  ['Renew the CA before that, e.g. kpki renew ca.', 'Renew the CA before that.'],
  ['Nothing breaks today. kpki renew gives a leaf another one.', 'Nothing breaks today.'],
] as const) {
  test(`${fix}`, () => {
    assert.is(adviceOf(finding('expired', undefined, 'a.crt', 'is so', fix)), alone)
    assert.is(adviceOf(finding('expired', 'apiserver', 'pki/apiserver.crt', 'is so', fix)), fix)
  })
}

test('an error is at least a warning; what is accepted fails nothing', () => {
  assert.equal(
    [isAtLeast('error', 'warning'), isAtLeast('info', 'warning'), isAtLeast('info', 'info')],
    [true, false, true],
  )
  const found = finding('expired', undefined, 'a.crt', 'is so')
  const reported = { found, file: 'a.crt', fingerprint: '' }
  assert.is(isFailure(reported, 'error'), true)
  const accepted = { rule: 'expired', path: 'a.crt', fingerprint: '' } as const
  assert.is(isFailure({ ...reported, accepted }, 'error'), false)
})

test.run()
