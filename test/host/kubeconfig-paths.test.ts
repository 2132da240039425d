import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  defaultKubeconfig,
  kubeconfigPaths,
  kubeconfigsBeside,
  movedPath,
  pathBeside,
} from '../../lib/host/kubeconfig-paths.js'

test('kubeconfigs are found as kubectl finds them', () => {
  assert.equal(kubeconfigPaths({ HOME: '/home/joe' }), ['/home/joe/.kube/config'])
  assert.equal(kubeconfigPaths({ HOME: '/home/joe', KUBECONFIG: 'a:/b::a:c' }), ['a', '/b', 'c'])
  assert.equal(kubeconfigPaths({ HOME: '/home/joe', KUBECONFIG: '' }), ['/home/joe/.kube/config'])
  assert.equal(kubeconfigPaths({}), [])
})

test('which one gets new entries, and which others are read with it', async () => {
  const env = { KUBECONFIG: '/nowhere/a:package.json:README.md:/nowhere/b' }
  assert.is(await defaultKubeconfig(env), 'package.json')
  assert.is(await defaultKubeconfig({ KUBECONFIG: '/nowhere/a:/nowhere/b' }), '/nowhere/b')
  assert.is(await defaultKubeconfig({ HOME: '/nowhere' }), '/nowhere/.kube/config')
  assert.is(await defaultKubeconfig({}), undefined)
  assert.equal(kubeconfigsBeside('./package.json', env), {
    before: ['/nowhere/a'],
    after: ['README.md', '/nowhere/b'],
  })
  assert.equal(kubeconfigsBeside('/elsewhere', env), { before: [], after: [] })
})

test('paths start at the folder of the file that they stand in', () => {
  assert.is(pathBeside('/a/b.conf', 'ca.crt'), '/a/ca.crt')
  assert.is(pathBeside('/a/b.conf', '/ca.crt'), '/ca.crt')
  assert.is(pathBeside('b.conf', '../ca.crt'), '../ca.crt')
})

// client-go v1.20.2, tools/clientcmd/loader.go: relative without steps back, else absolute.
for (const [path, from, to, expected] of [
  ['ca.crt', '/a/x', '/a/y', 'ca.crt'],
  ['./ca.crt', '/a/x', '/a/y', 'ca.crt'],
  ['ca.crt', '/a/b/x', '/a/y', 'b/ca.crt'],
  ['../ca.crt', '/a/b/x', '/a/y', 'ca.crt'],
  ['ca.crt', '/a/x', '/a/b/y', '/a/ca.crt'],
  ['/pki/ca.crt', '/a/x', '/b/y', '/pki/ca.crt'],
  ['/a/pki/ca.crt', '/x/x', '/a/y', 'pki/ca.crt'],
  ['..ca.crt', '/a/x', '/a/y', '..ca.crt'],
] as const)
  test(`${path} of ${from} in ${to}`, () => assert.is(movedPath(path, from, to), expected))

test.run()
