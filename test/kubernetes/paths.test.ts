import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isWithin, joinPath } from '../../lib/kubernetes/paths.js'

for (const [parts, expected] of [
  [['/a', 'b'], '/a/b'],
  [['/a/', '/b/'], '/a/b'],
  [['/a//b/./c/..'], '/a/b'],
  [['/a', '..', '..', 'b'], '/b'],
  [['/'], '/'],
] as const)
  test(`path ${parts.join(' + ')}`, () => assert.is(joinPath(...parts), expected))

for (const [path, directory, expected] of [
  ['/a/b', '/a', true],
  ['/a', '/a', true],
  ['/a-b', '/a', false],
  ['/a/../b', '/a', false],
  ['/a', '/', true],
] as const)
  test(`${path} within ${directory}: ${expected}`, () => assert.is(isWithin(path, directory), expected))

test.run()
