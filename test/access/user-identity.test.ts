import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkUserIdentity } from '../../lib/access/user-identity.js'

const judge = (name: string, groups: readonly string[] = []) =>
  checkUserIdentity(name, groups).map(({ severity, field }) => `${severity} ${field}`)

const CASES: readonly (readonly [
  what: string,
  name: string,
  groups: readonly string[],
  expected: readonly string[],
])[] = [
  ['ordinary names', 'jane', ['dev', 'ops'], []],
  ['an address', 'jane.doe+x@example.org', [], []],
  ['an identity of OIDC', 'https://accounts.example.org#1234', [], []],
  ['letters of elsewhere', 'žofie', ['разработка'], []],
  ['64 characters', 'x'.repeat(64), [], []],
  ['65 characters', 'x'.repeat(65), ['y'.repeat(65)], ['warning name', 'warning group']],
  ['1025 characters', 'x'.repeat(1025), [], ['error name']],
  ['nothing', '', [''], ['error name', 'error group']],
  ['a line end', 'a\nb', [], ['error name']],
  ['an escape', 'a\x1b[31m', [], ['error name']],
  ['a turning mark', 'a\u202eb', [], ['error name']],
  ['what nobody sees', 'a\u200bb', [], ['error name']],
  ['blanks around', ' jane', ['dev '], ['error name', 'error group']],
  ['all power', 'jane', ['system:masters'], ['warning group']],
  ["kubeadm's administrators", 'jane', ['kubeadm:cluster-admins'], ['warning group']],
  ['a group twice', 'jane', ['system:masters', 'system:masters'], ['warning group']],
  ['a kubelet', 'system:node:a', ['system:nodes'], ['warning name', 'warning group']],
  ['a service account', 'system:serviceaccount:a:b', [], ['warning name']],
  ['kept for Kubernetes', 'system:x', ['system:y'], ['warning name', 'warning group']],
]
for (const [what, name, groups, expected] of CASES) test(what, () => assert.equal(judge(name, groups), expected))

test('the warning on all power says that nobody can take it back', () =>
  assert.match(checkUserIdentity('a', ['system:masters'])[0]?.message ?? '', 'nobody can take that back'))

test('messages can be printed', () => {
  for (const { message } of checkUserIdentity('a\x1b[31m\n', ['b\u202e']))
    for (const control of ['\x1b', '\n']) assert.not.match(message, control)
})

test.run()
