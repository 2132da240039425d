import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { UniqueNames } from '../../lib/inspect/unique-names.js'

test('the second of a name has the first number that is free', () => {
  const names = new UniqueNames((name, number) => `${name}#${number}`)
  assert.equal(
    ['a', 'a#2', 'a', 'b', 'a', 'a#2'].map(name => names.take(name)),
    ['a', 'a#2', 'a#3', 'b', 'a#4', 'a#2#2'],
  )
})

test('many of one name take no longer than as many of different ones', () => {
  const names = new UniqueNames((name, number) => `${name}#${number}`)
  const begun = performance.now()
  for (let count = 0; count < 100_000; count++) names.take('a')
  assert.is(names.take('a'), 'a#100001')
  assert.ok(performance.now() - begun < 5000)
})

test.run()
